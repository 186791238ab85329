use std::path::Path;

use crate::error::ErrorKind;
use crate::fleet::{Member, Shard};

fn read(text: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let variable =
        |name: &str| variables.iter().find(|it| it.0 == name).map(|(_, value)| (*value).to_owned());
    Shard::parse(text, &variable).map(|it| it.to_string()).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Arguments);
        error.to_string()
    })
}

fn slurm(values: [&'static str; 5]) -> Vec<(&'static str, &'static str)> {
    let names = ["ID", "MIN", "MAX", "STEP", "COUNT"];
    let full = [
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_MIN",
        "SLURM_ARRAY_TASK_MAX",
        "SLURM_ARRAY_TASK_STEP",
        "SLURM_ARRAY_TASK_COUNT",
    ];
    assert_eq!(names.len(), full.len());
    full.into_iter().zip(values).filter(|(_, value)| !value.is_empty()).collect()
}

#[test]
fn shards_come_from_people_and_schedulers() {
    assert_eq!(read("1/1", &[]), Ok("1/1".into()));
    assert_eq!(read("8/8", &[]), Ok("8/8".into()));
    assert_eq!(read("auto", &slurm(["1", "1", "8", "1", "8"])), Ok("1/8".into()));
    assert_eq!(read("auto", &slurm(["0", "0", "7", "", "8"])), Ok("1/8".into()));
    assert_eq!(read("auto", &slurm(["30", "10", "50", "10", "5"])), Ok("3/5".into()));
    assert_eq!(read("auto/5", &slurm(["30", "10", "50", "10", "5"])), Ok("3/5".into()));
    assert_eq!(read("auto/4", &[("JOB_COMPLETION_INDEX", "3")]), Ok("4/4".into()));
    let aws = [("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "2")];
    assert_eq!(read("auto", &aws), Ok("1/2".into()));
    let run = [("CLOUD_RUN_TASK_INDEX", "9"), ("CLOUD_RUN_TASK_COUNT", "10")];
    assert_eq!(read("auto", &run), Ok("10/10".into()));
    let batch = [("BATCH_TASK_INDEX", "1"), ("BATCH_TASK_COUNT", "3")];
    assert_eq!(read("auto", &batch), Ok("2/3".into()));
    // A scheduler on top of another that says the same.
    let both = [aws.as_slice(), &[("JOB_COMPLETION_INDEX", "0")]].concat();
    assert_eq!(read("auto/2", &both), Ok("1/2".into()));
}

#[test]
fn what_contradicts_itself_is_refused_and_named() {
    for (text, variables, names) in [
        ("0/8", vec![], "I from 1 to N"),
        ("9/8", vec![], "I from 1 to N"),
        ("1/0", vec![], "must be 1 or more"),
        ("3", vec![], "I/N"),
        ("-1/8", vec![], "I/N"),
        ("auto", vec![], "SLURM_ARRAY_TASK_ID"),
        ("auto", vec![("JOB_COMPLETION_INDEX", "3")], "auto/N"),
        ("auto/3", vec![("JOB_COMPLETION_INDEX", "3")], "no task of 3"),
        ("auto", vec![("CLOUD_RUN_TASK_INDEX", "0")], "CLOUD_RUN_TASK_COUNT is not set"),
        ("auto", slurm(["1", "1", "8", "1", ""]), "SLURM_ARRAY_TASK_COUNT is not set"),
        ("auto", slurm(["1", "1", "8", "1", "7"]), "contradict"),
        ("auto", slurm(["5", "1", "7", "1", "3"]), "contradict"),
        ("auto", slurm(["9", "1", "8", "1", "8"]), "not in the array"),
        ("auto", slurm(["2", "1", "8", "2", "4"]), "not in the array"),
        ("auto", slurm(["1", "1", "8", "0", "8"]), "contradict"),
        ("auto", slurm(["x", "1", "8", "1", "8"]), "no number"),
        ("auto/9", slurm(["1", "1", "8", "1", "8"]), "SLURM_ARRAY_TASK_COUNT is 8"),
        (
            "auto/4",
            vec![
                ("JOB_COMPLETION_INDEX", "2"),
                ("CLOUD_RUN_TASK_INDEX", "1"),
                ("CLOUD_RUN_TASK_COUNT", "4"),
            ],
            "says shard",
        ),
    ] {
        let said = read(text, &variables).expect_err(text);
        assert!(said.contains(names), "{text} {variables:?}: {said}");
    }
}

#[test]
fn every_member_is_in_one_shard_and_the_hash_is_that_of_the_documentation() {
    let member = |name: &str| Member::new(Path::new("/srv").join(name), Path::new(name));
    // https://github.com/Cyan4973/xxHash: `printf a.db | xxhsum -H3`
    assert_eq!(member("").hash(), 0x2d06_8005_38d3_94c2);
    let mut counts = [0; 8];
    for number in 0..800 {
        let member = member(&format!("tenants/{number}.db"));
        let holders: Vec<u32> = (1..=8)
            .filter(|shard| Shard::parse(&format!("{shard}/8"), &|_| None).unwrap().holds(&member))
            .collect();
        assert_eq!(holders.len(), 1);
        counts[holders[0] as usize - 1] += 1;
    }
    assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");
}
