//! Every kind of failure is explained.

use std::path::Path;

use phaseshift::{DatabaseState, Error, ErrorKind};

use super::explain::explain;

#[test]
fn every_kind_says_the_state_and_something_to_do() {
    for kind in ErrorKind::ALL {
        let advice = explain(&Error::new(kind, "x"), " --database a.db");
        assert_eq!(advice.state, "nothing was changed");
        assert!(!advice.next.is_empty(), "{}", kind.code());
        for text in advice.next.iter() {
            assert!(!text.contains('!') && !text.ends_with('.'), "{text}");
        }
    }
}

#[test]
fn an_unadopted_file_is_told_which_phase_to_stamp() {
    let error = Error::new(ErrorKind::NotAdopted, "x").choices(["phase2"]);
    assert_eq!(explain(&error, " -d a.db").next, ["phaseshift stamp phase2 -d a.db"]);
}

#[test]
fn the_state_names_the_backup() {
    let error = Error::new(ErrorKind::Proof, "x")
        .leaving(DatabaseState::RolledBack)
        .with_backup(Path::new("/b/x.db"));
    let wanted = "everything was rolled back, the database is as before; the backup is /b/x.db";
    assert_eq!(explain(&error, "").state, wanted);
}
