use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::event::Interrupt;
use crate::fleet::{Entry, Limits, Member, Stop, Tally, Verdict, run};

fn members(count: usize) -> Vec<Member> {
    let name = |number| format!("{number:03}.db");
    (0..count).map(|it| Member::new(Path::new("/").join(name(it)), Path::new(&name(it)))).collect()
}

fn judge(ok: &bool) -> Verdict {
    if *ok { Verdict::Done } else { Verdict::Failed }
}

/// Runs a job that fails at some members: how many were done, why the run ended, and how many are left.
fn ended(limits: Limits, fails: &[usize]) -> (usize, Option<Stop>, usize) {
    let members = members(100);
    let mut done = Vec::new();
    let job = |member: &Member| !fails.iter().any(|it| member.relative == format!("{it:03}.db"));
    let interrupt = Interrupt::default();
    let ended = run(&members, &limits, &interrupt, (&job, judge), &mut |member, ok| {
        done.push((member.relative.clone(), ok));
    });
    assert!(ended.left.iter().all(|it| !done.iter().any(|(name, _)| *name == it.relative)));
    done.sort();
    done.dedup();
    assert_eq!(done.len() + ended.left.len(), 100);
    (done.len(), ended.stop, ended.left.len())
}

#[test]
fn limits_stop_a_run() {
    let jobs = NonZeroUsize::new(4).unwrap();
    let any = Limits { jobs, ..Limits::default() };
    assert_eq!(ended(any, &[3, 4, 5]), (100, None, 0));
    let one = Limits::default();
    assert_eq!(ended(Limits { max_failures: Some(0), ..one }, &[3]), (4, Some(Stop::Failures), 96));
    assert_eq!(ended(Limits { max_failures: Some(1), ..one }, &[3]), (100, None, 0));
    assert_eq!(ended(Limits { canary: 5, ..one }, &[4]), (5, Some(Stop::Canary), 95));
    assert_eq!(ended(Limits { canary: 5, ..any }, &[9]), (100, None, 0));
    let (done, stop, _) = ended(Limits { max_failures: Some(0), jobs, ..any }, &[50]);
    assert!(done < 60 && stop == Some(Stop::Failures), "{done}");
}

#[test]
fn an_interrupt_lets_running_files_end_and_begins_no_other() {
    let members = members(100);
    let (interrupt, begun) = (Interrupt::default(), AtomicUsize::new(0));
    let limits = Limits { jobs: NonZeroUsize::new(3).unwrap(), ..Limits::default() };
    let job = |_: &Member| {
        if begun.fetch_add(1, Ordering::SeqCst) == 9 {
            interrupt.request();
        }
        true
    };
    let mut done = 0;
    let ended = run(&members, &limits, &interrupt, (&job, judge), &mut |_, _| done += 1);
    assert_eq!(ended.stop, Some(Stop::Interrupted));
    assert!((10..=13).contains(&done) && done + ended.left.len() == 100, "{done}");
}

#[test]
fn the_digest_does_not_depend_on_the_order() {
    let entry = |outcome: &str| Entry {
        outcome: outcome.into(),
        was_up_to_date: false,
        version: Some(2),
        rows: Some(7),
    };
    let (mut one, mut two) = (Tally::default(), Tally::default());
    one.note("a.db", entry("ok"));
    one.note("b.db", entry("busy"));
    two.note("b.db", entry("ok"));
    two.note("a.db", entry("ok"));
    assert_ne!(one.digest(), two.digest());
    assert_eq!(two.note("b.db", entry("busy")), Some(entry("ok")));
    assert_eq!(one.digest(), two.digest());
    // b3sum of the two lines of the documentation.
    assert_eq!(one.digest().len(), 64);
}
