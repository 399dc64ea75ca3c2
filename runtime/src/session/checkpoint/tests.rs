//! Folders of two parties, as killing leaves them.

use motet_program::plan::Position;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::protocol::{Half, Kept, Packed};

const SESSION: SessionId = SessionId([5; 32]);

fn binding() -> Binding {
    let (party, peer) = ("alice".into(), "bob".into());
    Binding { party, peer, key: None, program: [1; 32], plan: [2; 32], public: [3; 32], private: [4; 32] }
}

fn state(turn: i64) -> State {
    let packed = || Packed(vec![turn as u8; 9]);
    let kept = |clear, shared| Kept { clear, shared };
    State {
        trail: vec![Position { step: 7, turn: 1 }, Position { step: 3, turn }],
        revealed: 12,
        ands: 5,
        shown: Vec::new(),
        values: vec![
            (1, kept(Some(packed()), Some(Half::FromClear))),
            (4, kept(None, Some(Half::Labels(packed())))),
            (9, kept(None, Some(Half::Garbler(None)))),
        ],
    }
}

fn open(folder: &TempDir, resume: bool) -> Result<Checkpoints, CheckpointError> {
    Checkpoints::open(folder.path(), None, Duration::ZERO, resume)
}

/// A folder in which a session wrote so many checkpoints, the last of which the other party may not have.
fn filled(count: i64, last_confirmed: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = open(&folder, false).unwrap();
    let mut writer = Writer::new(&mut checkpoints, binding(), SESSION, None);
    for turn in 1..=count {
        writer.write(&state(turn)).unwrap();
        if turn < count || last_confirmed {
            writer.confirm().unwrap();
        }
    }
    folder
}

fn offers(folder: &TempDir) -> Vec<Offer> {
    Found::read(&open(folder, true).unwrap(), &binding()).unwrap().offers()
}

/// The turn that the first party goes on from, `None` for the beginning.
fn common(one: &TempDir, other: &TempDir) -> Result<Option<i64>, CheckpointError> {
    let theirs = offers(other);
    let checkpoints = open(one, true)?;
    let found = Found::read(&checkpoints, &binding())?.common(&theirs, &checkpoints, "bob")?;
    Ok(found.map(|(_, state)| state.trail[1].turn))
}

#[test]
fn killed_at_any_moment_both_have_one_in_common() {
    for count in 1..5 {
        for (one, other) in [((count, true), (count, false)), ((count, false), (count - 1, true))] {
            let (one, other) = (filled(one.0, one.1), filled(other.0, other.1));
            let expected = offers(&other).iter().map(|offer| offer.number as i64).max();
            assert_eq!(common(&one, &other).unwrap(), expected);
            assert_eq!(common(&other, &one).unwrap(), expected);
        }
        assert_eq!(offers(&filled(count, true)).len(), count.min(2) as usize);
    }
}

/// Both went on from checkpoint 2, and one was killed before it had its new third one: the third ones do not match.
#[test]
fn states_of_two_sessions_do_not_meet() {
    let (one, other) = (filled(3, false), filled(2, true));
    let mut checkpoints = open(&other, true).unwrap();
    let base = Found::read(&checkpoints, &binding()).unwrap().offers()[0];
    let mut writer = Writer::new(&mut checkpoints, binding(), SessionId([6; 32]), Some(base));
    writer.write(&state(3)).unwrap();
    drop(checkpoints);
    assert_eq!(offers(&other)[0].number, 3);
    assert_eq!(common(&one, &other).unwrap(), Some(2));
}

#[test]
fn foreign_folders_have_nothing_in_common() {
    let (one, other) = (filled(4, true), tempfile::tempdir().unwrap());
    let error = common(&one, &other).unwrap_err().to_string();
    assert!(error.contains("have no checkpoint in common"), "{error}");
}

#[test]
fn a_folder_is_for_one_run_at_a_time() {
    let folder = filled(2, true);
    assert!(matches!(open(&folder, false), Err(CheckpointError::Unfinished { .. })));
    let checkpoints = open(&folder, true).unwrap();
    assert!(matches!(open(&folder, true), Err(CheckpointError::InUse { .. })));
    checkpoints.ended().unwrap();
    drop(checkpoints);
    // The other party may still need it; a new run may take the folder.
    assert_eq!(offers(&folder).len(), 2);
    open(&folder, true).unwrap().ended().unwrap();
    drop(open(&folder, false).unwrap());
    assert_eq!(offers(&folder).len(), 0);
}

#[test]
fn what_differs_is_named() {
    let folder = filled(2, true);
    let checkpoints = open(&folder, true).unwrap();
    let difference = |change: fn(&mut Binding)| {
        let mut other = binding();
        change(&mut other);
        match Found::read(&checkpoints, &other) {
            Err(CheckpointError::Other { what, .. }) => what,
            _ => panic!("it is taken for its own"),
        }
    };
    assert_eq!(difference(|b| b.party = "bob".into()), What::Party);
    assert_eq!(difference(|b| b.peer = "carol".into()), What::Peer);
    assert_eq!(difference(|b| b.key = Some("ab".into())), What::Key);
    assert_eq!(difference(|b| b.program[0] = 0), What::Program);
    assert_eq!(difference(|b| b.plan[0] = 0), What::Plan);
    assert_eq!(difference(|b| b.public[0] = 0), What::PublicInputs);
    assert_eq!(difference(|b| b.private[0] = 0), What::Inputs);
}

/// A file that was changed, cut, or lengthened anywhere does not open; the other one still serves.
#[test]
fn damaged_files_do_not_open() {
    let folder = filled(2, true);
    let checkpoints = open(&folder, true).unwrap();
    let files = checkpoints.files().unwrap();
    let good = fs::read(&files[0]).unwrap();
    let cases = (0..good.len()).map(|at| {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        bad
    });
    let cut = (0..good.len()).step_by(7).map(|at| good[..at].to_vec());
    for bad in cases.chain(cut).chain([[&good[..], &[0]].concat()]) {
        fs::write(&files[0], &bad).unwrap();
        assert!(checkpoints.unseal(&files[0]).unwrap().is_none());
    }
    assert_eq!(Found::read(&checkpoints, &binding()).unwrap().offers().len(), 1);
    fs::remove_file(&files[1]).unwrap();
    assert!(matches!(Found::read(&checkpoints, &binding()), Err(CheckpointError::Sealed { .. })));
}

#[test]
fn another_key_does_not_open() {
    let folder = filled(2, true);
    fs::write(folder.path().join(SECRET), [7; 32]).unwrap();
    let checkpoints = open(&folder, true).unwrap();
    assert!(matches!(Found::read(&checkpoints, &binding()), Err(CheckpointError::Sealed { .. })));
}

#[test]
fn nothing_of_a_state_is_seen() {
    let folder = filled(1, true);
    for path in open(&folder, true).unwrap().files().unwrap() {
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(4).any(|run| run == [1; 4]), "a packed value stands in the file");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(
        changes in prop::collection::vec((0usize..400, any::<u8>()), 0..6),
        cut in 0usize..400,
    ) {
        let written = Written { binding: &binding(), id: [1; 16], number: 3, state: &state(2) };
        let mut bytes = postcard::to_stdvec(&written).unwrap();
        prop_assert!(decodes(&bytes));
        changes.into_iter().filter(|(at, _)| *at < bytes.len()).collect::<Vec<_>>().into_iter().for_each(|(at, with)| bytes[at] = with);
        bytes.truncate(cut);
        decodes(&bytes);
    }
}
