//! Every format, and what is wrong in them.

use motet_program::data::{DataType, Elem, Type};

use super::*;

const FIX: Elem = Elem::Fix { bits: 40, frac: 13 };

fn ty(elem: Elem, shape: &[u64]) -> DataType {
    DataType::Leaf(Type { elem, shape: shape.to_vec() })
}

fn take(arguments: &[&str], name: &str, ty: &DataType) -> Result<Vec<Vec<u64>>, String> {
    let arguments: Vec<String> = arguments.iter().map(|a| a.to_string()).collect();
    let mut inputs = Inputs::read(&arguments).map_err(|e| e.to_string())?;
    Ok(inputs.take(name, ty).map_err(|e| e.to_string())?.into_iter().map(|t| t.data).collect())
}

fn pair() -> DataType {
    DataType::Struct("Pair".into(), vec![("w".into(), ty(FIX, &[2])), ("n".into(), ty(Elem::Uint(8), &[]))])
}

/// An `.npy` file of version 1.
fn npy(descr: &str, shape: &str, fortran: bool, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn literals() {
    assert_eq!(take(&["a=5"], "a", &ty(Elem::Uint(8), &[])), Ok(vec![vec![5]]));
    assert_eq!(take(&["a=-1"], "a", &ty(Elem::Sint(13), &[])), Ok(vec![vec![8191]]));
    assert_eq!(take(&["a=[[true, false]]"], "a", &ty(Elem::Bool, &[1, 2])), Ok(vec![vec![1, 0]]));
    assert_eq!(take(&["a=[1, 0.5]"], "a", &ty(FIX, &[2])), Ok(vec![vec![8192, 4096]]));
    assert_eq!(take(&["a=18446744073709551615"], "a", &ty(Elem::Uint(64), &[])), Ok(vec![vec![u64::MAX]]));
    assert_eq!(take(&["a=[]"], "a", &ty(FIX, &[0, 3])), Ok(vec![vec![]]));
    assert_eq!(take(&[r#"p={"n": 3, "w": [1, 2]}"#], "p", &pair()), Ok(vec![vec![8192, 16384], vec![3]]));
    assert_eq!(take(&["p.w=[1, 2]", "p.n=3"], "p", &pair()), Ok(vec![vec![8192, 16384], vec![3]]));
}

#[test]
fn tuples_and_tensors_of_structs() {
    let tuple = DataType::Tuple(vec![ty(Elem::Uint(8), &[]), ty(Elem::Uint(8), &[])]);
    assert_eq!(take(&["a=[1, 2]"], "a", &tuple), Ok(vec![vec![1], vec![2]]));
    let many = DataType::Array(vec![2], Box::new(pair()));
    let rows = r#"a=[{"w": [1, 2], "n": 3}, {"w": [4, 5], "n": 6}]"#;
    let want = vec![[1, 2, 4, 5].map(|n| n << 13).to_vec(), vec![3, 6]];
    assert_eq!(take(&[rows], "a", &many), Ok(want.clone()));
    assert_eq!(take(&[r#"a={"w": [[1, 2], [4, 5]], "n": [3, 6]}"#], "a", &many), Ok(want));
}

#[test]
fn what_does_not_fit_is_said_with_its_place() {
    let cases = [
        (
            take(&["image=[[0, 40000.5]]"], "image", &ty(Elem::Fix { bits: 24, frac: 13 }, &[1, 2])),
            "image[0, 1] = 40000.5 does not fit fix<24, 13> (-1024.0 to 1023.9999)",
        ),
        (take(&["a=4294967296"], "a", &ty(Elem::Uint(32), &[])), "a = 4294967296 does not fit u32 (0 to 4294967295)"),
        (take(&["a=1.0"], "a", &ty(Elem::Uint(8), &[])), "a = 1.0 is no u8 (give an integer)"),
        (
            take(&["a=[1, 2]"], "a", &ty(Elem::Uint(8), &[3])),
            "`a` must be u8[3], but the input is an integer array of shape [2]",
        ),
        (
            take(&["a=[[1], [1, 2]]"], "a", &ty(Elem::Uint(8), &[2, 2])),
            "`a` must be u8[2, 2], but the input is a list whose item 0 is an integer array of shape [1] and item 1 is an \
          integer array of shape [2]",
        ),
        (take(&[r#"p={"w": [1, 2]}"#], "p", &pair()), "`p`: the input has no field `n` (it has w)"),
        (take(&[r#"p={"w": [1, 2], "n": 1, "x": 0}"#], "p", &pair()), "`p` has no field `x` (it has w, n)"),
        (take(&["p=3"], "p", &pair()), "`p` must be Pair { w, n }, but the input is an integer"),
        (take(&["a=true"], "a", &ty(Elem::Uint(8), &[])), "a = true is no u8 (give a number)"),
        (take(&["a=1", "a=2"], "a", &ty(Elem::Uint(8), &[])), "`a` is given twice"),
        (
            take(&["a"], "a", &ty(Elem::Uint(8), &[])),
            "`--input a`: expected NAME=VALUE, such as `a=5` or `image=7.npy`",
        ),
        (take(&[], "a", &ty(Elem::Uint(8), &[2])), "no input for `a: u8[2]`; give one with --input a=VALUE"),
        (take(&["a=missing.npy"], "a", &ty(Elem::Uint(8), &[])), "missing.npy: No such file or directory (os error 2)"),
        (
            take(&["a=Cargo.toml"], "a", &ty(Elem::Uint(8), &[])),
            "`--input a=Cargo.toml`: a data file must end in .npy, .npz, .safetensors, .csv or .json",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, Err(want.to_owned()));
    }
}

#[test]
fn numpy_arrays() {
    let floats: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|f| f.to_le_bytes()).collect();
    assert_eq!(
        numpy::parse_npy(&npy("<f4", "(2,)", false, &floats)).unwrap(),
        Data::array(vec![2], Numbers::Float(vec![1.5, -2.0]))
    );
    let columns = npy("|u1", "(2, 3)", true, &[1, 4, 2, 5, 3, 6]);
    assert_eq!(numpy::parse_npy(&columns).unwrap(), Data::array(vec![2, 3], Numbers::Int(vec![1, 2, 3, 4, 5, 6])));
    assert_eq!(
        numpy::parse_npy(&npy(">i2", "()", false, &[0xff, 0xfe])).unwrap(),
        Data::array(vec![], Numbers::Int(vec![-2]))
    );
}

#[test]
fn hostile_arrays_are_refused() {
    let refused = |bytes: &[u8]| numpy::parse_npy(bytes).expect_err("refused").to_string();
    let huge = npy("|u1", "(4000000000, 4000000000)", false, &[]);
    assert_eq!(refused(&huge), "more than 268435456 elements");
    let short = npy("<f8", "(100000000,)", false, &[0; 8]);
    assert_eq!(refused(&short), "an array of 800000000 bytes in a file with 8");
    let mut long_header = b"\x93NUMPY\x02\x00".to_vec();
    long_header.extend(u32::MAX.to_le_bytes());
    assert_eq!(refused(&long_header), "no NumPy array: its header is too long");
    let nested = npy("<f8", &"(".repeat(5000), false, &[]);
    assert_eq!(refused(&nested), "no NumPy array: its header is nested too deeply");
    let objects = npy("|O", "(1,)", false, &[0; 8]);
    assert!(refused(&objects).contains("not supported"));
    let deep = "[".repeat(100_000);
    assert!(literal::parse(&deep).is_err());
}

#[test]
fn archives_and_named_arrays() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in [("w.npy", npy("|u1", "(2,)", false, &[1, 2])), ("n.npy", npy("|u1", "()", false, &[3]))] {
        archive.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut archive, &bytes).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    let data = numpy::parse_npz(&bytes).unwrap();
    let leaves = assemble::assemble("p", data, &pair()).unwrap();
    assert_eq!(leaves[0].data, [8192, 16384]);
    assert_eq!(leaves[1].data, [3]);
}

#[test]
fn tables() {
    let table = csv::parse(b"a, b\n1, 2.5\n3, 4\n").unwrap();
    assert_eq!(assemble::assemble("x", table, &ty(FIX, &[2, 2])).unwrap()[0].data, [8192, 20480, 24576, 32768]);
    let column = csv::parse(b"1\n0\n1\n").unwrap();
    assert_eq!(assemble::assemble("x", column, &ty(Elem::Uint(1), &[3])).unwrap()[0].data, [1, 0, 1]);
    let row = csv::parse(b"1,2,3\n").unwrap();
    assert_eq!(assemble::assemble("x", row, &ty(Elem::Uint(8), &[3])).unwrap()[0].data, [1, 2, 3]);
    assert_eq!(csv::parse(b"1,2\n3,x\n").unwrap_err().to_string(), "line 2, column 2: `x` is no number");
    assert!(csv::parse(b"1,2\n3\n").is_err());
}

#[test]
fn shapes_are_known_before_types() {
    let inputs = Inputs::read(&[r#"m={"w": [[1, 2, 3], [4, 5, 6]]}"#.into(), "n=3".into()]).unwrap();
    let shapes: Vec<_> = inputs.shapes().into_iter().collect();
    assert_eq!(shapes, [("m.w".to_owned(), vec![2, 3]), ("n".to_owned(), vec![])]);
}

#[test]
fn damaged_files_never_panic() {
    let samples =
        [npy("<f4", "(2,)", false, &[0; 8]), b"a,b\n1,2\n".to_vec(), br#"{"a": [1, [2.5, true]], "b": {}}"#.to_vec()];
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    for sample in &samples {
        for _ in 0..3000 {
            let mut bytes = sample.clone();
            for _ in 0..1 + next() % 4 {
                let at = next() % bytes.len();
                bytes[at] = next() as u8;
            }
            bytes.truncate(1 + next() % bytes.len());
            fuzz(&bytes);
        }
    }
}

/// A safetensors file of vectors of 32-bit floats.
fn weights(path: &std::path::Path, tensors: &[(&str, &[f32])]) {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, v)| v.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, v), bytes)| {
        (*name, ::safetensors::tensor::TensorView::new(::safetensors::Dtype::F32, vec![v.len()], bytes).unwrap())
    });
    ::safetensors::serialize_to_file(views, None, path).unwrap();
}

#[test]
fn names_of_a_file_are_mapped_to_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    weights(&path, &[("0.weight", &[1.0, 2.0]), ("0.bias", &[3.0]), ("1.weight", &[4.0, 5.0]), ("1.bias", &[6.0])]);
    let given = [format!("m={}", path.display())];
    let layer = DataType::Struct("L".into(), vec![("weight".into(), ty(FIX, &[2])), ("bias".into(), ty(FIX, &[1]))]);
    let two = |a: &str, b: &str, ty: &DataType| {
        DataType::Struct("M".into(), vec![(a.into(), ty.clone()), (b.into(), ty.clone())])
    };
    let take = |maps: &[&str], ty: &DataType| {
        let maps: Vec<String> = maps.iter().map(|m| m.to_string()).collect();
        let mut inputs = Inputs::read(&given).unwrap().mapped(&maps).map_err(|e| e.to_string())?;
        let leaves = inputs.take("m", ty).map_err(|e| e.to_string())?;
        Ok(leaves.into_iter().flat_map(|t| t.data).map(|ring| ring >> 13).collect::<Vec<u64>>())
    };
    // Parts of a file, one tensor, the same tensor twice, and the whole.
    assert_eq!(take(&["m.fc1=0", "m.fc2=1"], &two("fc1", "fc2", &layer)), Ok(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(take(&["m.a=1.weight", "m.b=0.weight"], &two("a", "b", &ty(FIX, &[2]))), Ok(vec![4, 5, 1, 2]));
    assert_eq!(take(&["m.a=1.bias", "m.b=1.bias"], &two("a", "b", &ty(FIX, &[1]))), Ok(vec![6, 6]));
    assert_eq!(take(&["m=1"], &layer), Ok(vec![4, 5, 6]));
    assert_eq!(take(&["m=1", "m.bias=0.bias"], &layer), Ok(vec![4, 5, 3]));
    // Items of lists are named by numbers.
    assert_eq!(take(&[], &DataType::Array(vec![2], Box::new(layer.clone()))), Ok(vec![1, 2, 4, 5, 3, 6]));
    assert_eq!(take(&[], &DataType::Tuple(vec![layer.clone(), layer.clone()])), Ok(vec![1, 2, 3, 4, 5, 6]));
    for (maps, said) in [
        (&["m.fc1"][..], "`--map m.fc1`: expected PLACE=NAME, such as `model.w1=fc1.weight`"),
        (&["m.=0"], "`--map m.=0`: expected PLACE=NAME, such as `model.w1=fc1.weight`"),
        (&["n.a=0"], "`--map n.a=0`: there is no --input for `n`"),
        (&["m.a=0", "m.a=1"], "`--map m.a=1`: another one says what stands there"),
        (&["m.a=2"], "`--map m.a=2`: the input has no `2` (it has 0.bias, 0.weight, 1.bias, 1.weight)"),
    ] {
        assert_eq!(take(maps, &layer), Err(said.to_string()));
    }
}

#[test]
fn files_of_arrays_may_have_more_than_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    weights(&path, &[("w", &[1.0, 2.0]), ("b.n", &[3.0]), ("b.running", &[1.0]), ("num_batches_tracked", &[9.0])]);
    let inner = DataType::Struct("B".into(), vec![("n".into(), ty(FIX, &[1]))]);
    let model = DataType::Struct("M".into(), vec![("w".into(), ty(FIX, &[2])), ("b".into(), inner)]);
    let data = || safetensors::read(&path).unwrap();
    let mut pruned = data();
    assert_eq!(names::set_aside(&mut pruned, &model, &[]), ["b.running", "num_batches_tracked"]);
    assert_eq!(names::set_aside(&mut data(), &model, &["b".into()]), ["num_batches_tracked"]);
    assert_eq!(assemble::assemble("m", pruned, &model).unwrap().len(), 2);
    // What does not fit is still said.
    weights(&path, &[("w", &[1.0, 1e9]), ("b.n", &[3.0])]);
    let said = assemble::assemble("m", data(), &model).err().map(|e| e.to_string());
    assert_eq!(said.as_deref(), Some("m.w[1] = 1000000000.0 does not fit fix<40, 13> (-67108864.0 to 67108863.9999)"));
}
