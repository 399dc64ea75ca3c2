//! Entries are used once, for what they were made for, and whole or not at all.

use std::thread;

use proptest::prelude::*;

use super::*;

fn made() -> Made {
    Made::example()
}

fn encoded(made: &Made) -> Vec<u8> {
    let mut bytes = Vec::new();
    made.encode(|part| -> Result<(), ()> {
        bytes.extend_from_slice(part);
        Ok(())
    })
    .unwrap();
    bytes
}

fn offers(store: &Store, binding: &Binding) -> Vec<Id> {
    store.offers(binding, |baked| *baked == Baked::default()).unwrap()
}

fn binding() -> Binding {
    Binding { party: "alice".into(), peer: "bob".into(), key: None, program: [1; 32], plan: [2; 32] }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    (folder, store)
}

fn filled(ids: &[u8]) -> (tempfile::TempDir, Store) {
    let (folder, store) = store();
    for id in ids {
        store.write([*id; 16], &binding(), &Baked::default(), Offline::default(), &made()).unwrap();
        store.publish(&[*id; 16]).unwrap();
    }
    (folder, store)
}

fn files(store: &Store) -> usize {
    fs::read_dir(&store.folder).unwrap().count()
}

#[test]
fn an_entry_is_taken_once_and_leaves_nothing() {
    let (_folder, store) = filled(&[1, 2]);
    assert_eq!(offers(&store, &binding()), [[1; 16], [2; 16]]);
    let entry = store.take(&[1; 16], &binding()).unwrap().expect("an entry");
    assert_eq!(encoded(&entry.made), encoded(&made()));
    assert_eq!(entry.made.tables(), made().tables());
    assert!(store.take(&[1; 16], &binding()).unwrap().is_none());
    assert_eq!(offers(&store, &binding()), [[2; 16]]);
    // The other one, and its tables.
    assert_eq!(files(&store), 2);
}

#[test]
fn what_is_not_published_is_not_offered() {
    let (_folder, store) = store();
    store.write([1; 16], &binding(), &Baked::default(), Offline::default(), &made()).unwrap();
    assert!(offers(&store, &binding()).is_empty());
    assert!(store.take(&[1; 16], &binding()).unwrap().is_none());
}

#[test]
fn another_purpose_is_not_served() {
    let changes: [fn(&mut Binding); 5] = [
        |b| b.party = "carol".into(),
        |b| b.peer = "carol".into(),
        |b| b.key = Some("f00d".into()),
        |b| b.program[0] = 9,
        |b| b.plan[0] = 9,
    ];
    for change in changes {
        let (_folder, store) = filled(&[1]);
        let mut other = binding();
        change(&mut other);
        assert!(offers(&store, &other).is_empty());
        assert!(store.take(&[1; 16], &other).unwrap().is_none());
    }
}

#[test]
fn one_of_many_at_once_takes_it() {
    let (_folder, store) = filled(&[1]);
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            thread::spawn(move || store.take(&[1; 16], &binding()).unwrap().is_some())
        })
        .collect();
    let taken = takers.into_iter().map(|t| t.join().unwrap()).filter(|taken| *taken).count();
    assert_eq!(taken, 1);
}

/// A backup by copying, and one by a second name of the same file.
#[test]
fn what_was_put_back_is_refused() {
    let (folder, store) = filled(&[1]);
    let (path, copy, link) = (store.path(&[1; 16], "entry"), folder.path().join("copy"), folder.path().join("link"));
    fs::copy(&path, &copy).unwrap();
    fs::hard_link(&path, &link).unwrap();
    assert!(store.take(&[1; 16], &binding()).unwrap().is_some());
    for backup in [copy, link] {
        fs::rename(backup, &path).unwrap();
        assert!(offers(&store, &binding()).is_empty());
        assert!(store.take(&[1; 16], &binding()).unwrap().is_none());
        assert_eq!(files(&store), 0);
    }
}

#[test]
fn damaged_tables_are_refused() {
    let (_folder, store) = filled(&[1]);
    fs::write(store.path(&[1; 16], "tables"), [8; 77]).unwrap();
    assert!(store.take(&[1; 16], &binding()).unwrap().is_none());
    assert_eq!(files(&store), 0);
}

#[test]
fn damaged_entries_are_refused() {
    let (_folder, store) = filled(&[1]);
    let path = store.path(&[1; 16], "entry");
    let good = fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(3) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        if !path.exists() {
            store.write([1; 16], &binding(), &Baked::default(), Offline::default(), &made()).unwrap();
            store.publish(&[1; 16]).unwrap();
        }
        // In place, so that it is no copy.
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all(&bad).unwrap();
        assert!(store.take(&[1; 16], &binding()).unwrap().is_none(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(
        changes in prop::collection::vec((0usize..500, any::<u8>()), 0..6),
        cut in 0usize..500,
    ) {
        let (_folder, store) = filled(&[1]);
        let mut bytes = fs::read(store.path(&[1; 16], "entry")).unwrap();
        bytes.truncate(bytes.len() - 32);
        prop_assert!(decodes(&bytes));
        for (at, with) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = with;
            }
        }
        bytes.truncate(cut);
        decodes(&bytes);
    }
}
