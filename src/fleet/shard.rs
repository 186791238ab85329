//! The part of a fleet that one machine of many does.
//!
//! A member belongs to the shard `hash % count`, where the hash is XXH3 (64 bits, no seed) of its relative path. So
//! every machine finds out by itself which files are its own, and a file stays with its shard when others come or go.
//! The number of a shard comes from a person or from a scheduler's environment; what contradicts itself is refused,
//! because a wrong count leaves files out without a word.

use std::fmt;
use std::num::NonZeroU32;

use super::member::Member;
use crate::error::{Error, ErrorKind, Result};

/// One of the parts of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// The number of the shard, from 0.
    index: u32,
    count: NonZeroU32,
}

/// What numbers the tasks of an array job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// A Slurm job array (<https://slurm.schedmd.com/job_array.html>).
    Slurm,
    /// An Indexed Job of Kubernetes, which does not tell its number of tasks
    /// (<https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode>).
    Kubernetes,
    /// An array job of AWS Batch (<https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html>).
    AwsBatch,
    /// A job of Cloud Run (<https://cloud.google.com/run/docs/container-contract#jobs-env-vars>).
    CloudRun,
    /// A task group of Google Batch (<https://cloud.google.com/batch/docs/create-run-basic-job>).
    GoogleBatch,
}

impl Scheduler {
    const ALL: [Self; 5] =
        [Self::Slurm, Self::Kubernetes, Self::AwsBatch, Self::CloudRun, Self::GoogleBatch];

    /// The variables with the number of the task and the count of tasks.
    const fn variables(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Slurm => ("SLURM_ARRAY_TASK_ID", Some("SLURM_ARRAY_TASK_COUNT")),
            Self::Kubernetes => ("JOB_COMPLETION_INDEX", None),
            Self::AwsBatch => ("AWS_BATCH_JOB_ARRAY_INDEX", Some("AWS_BATCH_JOB_ARRAY_SIZE")),
            Self::CloudRun => ("CLOUD_RUN_TASK_INDEX", Some("CLOUD_RUN_TASK_COUNT")),
            Self::GoogleBatch => ("BATCH_TASK_INDEX", Some("BATCH_TASK_COUNT")),
        }
    }
}

/// Reads a variable of the environment.
pub type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

impl Shard {
    /// Reads `I/N` (`I` from 1), `auto`, or `auto/N`, which demands that the scheduler says the same count.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if the text is none of them, and if the environment names no task, lacks the count, or
    /// contradicts itself.
    pub fn parse(text: &str, variables: Variables<'_>) -> Result<Self> {
        let (number, count) = match text.split_once('/') {
            Some((number, count)) => (number, Some(parsed_count(count, text)?)),
            None => (text, None),
        };
        if number == "auto" {
            return Self::of_environment(count, variables);
        }
        let number: Option<u32> = number.parse().ok().filter(|it| *it > 0);
        match (number, count) {
            (Some(number), Some(count)) if number <= count.get() => {
                Ok(Self { index: number - 1, count })
            }
            _ => refuse(format!(
                "--shard {text} is no shard: write I/N with I from 1 to N, auto, or auto/N"
            )),
        }
    }

    fn of_environment(demanded: Option<NonZeroU32>, variables: Variables<'_>) -> Result<Self> {
        let mut found: Option<(Self, &str)> = None;
        for scheduler in Scheduler::ALL {
            let (name, _) = scheduler.variables();
            if variables(name).is_none() {
                continue;
            }
            let shard = Self::of_scheduler(scheduler, demanded, variables)?;
            match found {
                Some((other, by)) if other != shard => {
                    return refuse(format!("{by} says shard {other}, but {name} says {shard}"));
                }
                _ => found = Some((shard, name)),
            }
        }
        match found {
            Some((shard, _)) => Ok(shard),
            None => refuse(
                "--shard auto finds no task number: none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, \
                 AWS_BATCH_JOB_ARRAY_INDEX, CLOUD_RUN_TASK_INDEX, BATCH_TASK_INDEX is set"
                    .to_owned(),
            ),
        }
    }

    fn of_scheduler(
        scheduler: Scheduler,
        demanded: Option<NonZeroU32>,
        variables: Variables<'_>,
    ) -> Result<Self> {
        let (name, count_name) = scheduler.variables();
        let number = needed(name, variables)?;
        let numbers = match count_name {
            Some(count_name) => Some((count_name, needed(count_name, variables)?)),
            None => None,
        };
        let count = match (numbers, demanded) {
            (Some((count_name, count)), Some(demanded)) if count != u64::from(demanded.get()) => {
                return refuse(format!("--shard auto/{demanded}, but {count_name} is {count}"));
            }
            (Some((_, count)), _) => count,
            (None, Some(demanded)) => u64::from(demanded.get()),
            (None, None) => {
                return refuse(format!(
                    "{name} does not tell the number of tasks: write --shard auto/N"
                ));
            }
        };
        let index = match scheduler {
            Scheduler::Slurm => slurm_index(number, count, variables)?,
            Scheduler::Kubernetes
            | Scheduler::AwsBatch
            | Scheduler::CloudRun
            | Scheduler::GoogleBatch => number,
        };
        match (u32::try_from(index), u32::try_from(count).ok().and_then(NonZeroU32::new)) {
            (Ok(index), Some(count)) if index < count.get() => Ok(Self { index, count }),
            _ => refuse(format!("{name} is {number}, which is no task of {count}")),
        }
    }

    /// Returns whether a member belongs to this shard.
    pub fn holds(self, member: &Member) -> bool {
        member.hash() % u64::from(self.count.get()) == u64::from(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index + 1, self.count)
    }
}

/// Slurm numbers tasks from MIN to MAX in steps. The three must make COUNT tasks: an array such as `--array=1,5,7` has
/// gaps, of which nothing tells which task comes where.
fn slurm_index(number: u64, count: u64, variables: Variables<'_>) -> Result<u64> {
    let [least, most, step] = [
        ("SLURM_ARRAY_TASK_MIN", None),
        ("SLURM_ARRAY_TASK_MAX", None),
        ("SLURM_ARRAY_TASK_STEP", Some(1)),
    ]
    .map(|(name, default)| match (variables(name), default) {
        (None, Some(default)) => Ok(default),
        _ => needed(name, variables),
    });
    let (least, most, step) = (least?, most?, step?);
    let numbers = format!(
        "SLURM_ARRAY_TASK_MIN {least}, _MAX {most}, _STEP {step}, _COUNT {count} and _ID {number}"
    );
    if step == 0 || most < least || (most - least) / step + 1 != count {
        return refuse(format!(
            "{numbers} contradict each other; an array with gaps needs --shard I/N"
        ));
    }
    if number < least || number > most || !(number - least).is_multiple_of(step) {
        return refuse(format!("{numbers} contradict each other: the task is not in the array"));
    }
    Ok((number - least) / step)
}

fn needed(name: &str, variables: Variables<'_>) -> Result<u64> {
    match variables(name) {
        None => refuse(format!("{name} is not set")),
        Some(text) => match text.parse() {
            Ok(number) => Ok(number),
            Err(_) => refuse(format!("{name} is {text:?}, which is no number")),
        },
    }
}

fn parsed_count(count: &str, text: &str) -> Result<NonZeroU32> {
    count.parse().or_else(|_| {
        refuse(format!("--shard {text} is no shard: the count behind / must be 1 or more"))
    })
}

fn refuse<T>(what: String) -> Result<T> {
    Err(Error::new(ErrorKind::Arguments, what))
}
