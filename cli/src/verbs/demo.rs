//! `motet demo`: private classification of handwritten digits, by two processes on this machine.

use std::path::Path;

use clap::Args;
use motet_program::artifact;
use motet_program::data::{DataType, Elem, Tensor, Type};
use serde_json::Value;

use crate::failure::Failure;
use crate::input::Inputs;
use crate::output::float;
use crate::processes::{Outcome, both_parties};
use crate::program::{self, Execution, Settings};
use crate::progress::{bytes, count, time};

const FILES: [(&str, &[u8]); 4] = [
    ("digits.mpc", include_bytes!("../../data/digits.mpc")),
    ("weights.safetensors", include_bytes!("../../data/weights.safetensors")),
    ("images.npy", include_bytes!("../../data/images.npy")),
    ("labels.npy", include_bytes!("../../data/labels.npy")),
];
/// How many images there are, how many pixels each has a side, and how many units the model has inside.
const COUNT: usize = 10;
const SIDE: usize = 8;
const HIDDEN: usize = 32;
/// Plaintext numbers of the model: enough bits that no weight or pixel is changed by a hair that could matter.
const EXACT: Elem = Elem::Fix { bits: 64, frac: 40 };

/// See it work: a server and a client classify handwritten digits, and neither sees the other's data
#[derive(Args)]
#[command(after_help = "\
Two processes of this program talk over the loopback interface, just as two machines would. Its source, weights and
images are those in cli/data/ of the project.")]
pub struct Arguments {
    /// Leave the program and the data in a folder, to try things with
    #[arg(long, value_name = "FOLDER")]
    keep: Option<std::path::PathBuf>,
}

/// Compiles, runs both sides, and shows what came out.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let temporary = tempfile::tempdir().map_err(Failure::file(Path::new("a temporary folder")))?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    for (name, bytes) in FILES {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(Failure::file(&path))?;
    }
    let settings = Settings::default().with([("N".to_owned(), COUNT as i64)].into());
    let (program, plan) = program::compile(&folder.join("digits.mpc"), &settings, &Execution::default())?;
    let compiled = artifact::write(&program, &plan);
    let path = folder.join("digits.mpcx");
    std::fs::write(&path, &compiled).map_err(Failure::file(&path))?;
    println!("A server has a model that it shows to nobody. A client has handwritten digits that it shows to nobody.");
    println!("Compiled digits.mpc ({}); running both parties …\n", bytes(compiled.len() as u64));

    let model = Model::read(folder)?;
    let server: (_, &[&str]) = ("server", &["digits.mpcx", "--input", "model=weights.safetensors"]);
    let client: (_, &[&str]) = ("client", &["digits.mpcx", "--input", "images=images.npy"]);
    let [server, client] = both_parties(folder, [server, client])?;
    let private: Vec<usize> = numbers(&client.result);
    for image in 0..COUNT {
        let pixels = &model.images[image * SIDE * SIDE..(image + 1) * SIDE * SIDE];
        let plain = model.classify(pixels);
        let seen = private.get(image).copied();
        let verdict = if seen == Some(plain) { "the same" } else { "DIFFERENT" };
        let seen = seen.map_or("nothing".into(), |d| d.to_string());
        draw(
            pixels,
            &[
                String::new(),
                String::new(),
                format!("computed privately:   {seen}"),
                format!("computed in plain:    {plain}   ({verdict})"),
                format!("written by a person:  {}", model.labels[image]),
            ],
        );
    }
    summary(&server, &client, &private, &model);
    Ok(())
}

/// The model in plain floating point, as anybody would compute it who has both the weights and the images.
struct Model {
    w1: Vec<f64>,
    b1: Vec<f64>,
    w2: Vec<f64>,
    b2: Vec<f64>,
    images: Vec<f64>,
    labels: Vec<usize>,
}

impl Model {
    fn read(folder: &Path) -> Result<Model, Failure> {
        let given = [("model", "weights.safetensors"), ("images", "images.npy"), ("labels", "labels.npy")];
        let given = given.map(|(name, file)| format!("{name}={}", folder.join(file).display()));
        let mut inputs = Inputs::read(&given)?;
        let tensor = |elem, shape: &[u64]| DataType::Leaf(Type { elem, shape: shape.to_vec() });
        let (pixels, hidden) = ((SIDE * SIDE) as u64, HIDDEN as u64);
        let fields = [("w1", vec![hidden, pixels]), ("b1", vec![hidden]), ("w2", vec![10, hidden]), ("b2", vec![10])];
        let fields = fields.map(|(name, shape)| (name.to_owned(), tensor(EXACT, &shape)));
        let floats = |t: Tensor| t.data.iter().map(|&ring| float(EXACT, ring)).collect::<Vec<_>>();
        let mut model = inputs.take("model", &DataType::Struct("Mlp".into(), fields.to_vec()))?.into_iter().map(floats);
        let mut next = || model.next().unwrap_or_default();
        let (w1, b1, w2, b2) = (next(), next(), next(), next());
        let mut one = |name: &str, ty: DataType| Ok::<_, Failure>(inputs.take(name, &ty)?.swap_remove(0));
        let images = floats(one("images", tensor(EXACT, &[COUNT as u64, pixels]))?);
        let labels = one("labels", tensor(Elem::Uint(8), &[COUNT as u64]))?.data.iter().map(|&d| d as usize).collect();
        Ok(Model { w1, b1, w2, b2, images, labels })
    }

    /// The digit that an image shows.
    fn classify(&self, image: &[f64]) -> usize {
        let dense = |w: &[f64], b: &[f64], x: &[f64]| -> Vec<f64> {
            let rows = w.chunks(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>());
            rows.zip(b).map(|(sum, b)| sum + b).collect()
        };
        let hidden: Vec<f64> = dense(&self.w1, &self.b1, image).iter().map(|h| h.max(0.0)).collect();
        let scores = dense(&self.w2, &self.b2, &hidden);
        (0..scores.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best })
    }
}

/// Draws an image, a row of pixels to a line, and text beside it.
fn draw(pixels: &[f64], text: &[String]) {
    const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
    for (line, row) in pixels.chunks(SIDE).enumerate() {
        let drawn: String = row.iter().map(|p| SHADES[((p * 4.0).round() as usize).min(4)]).collect();
        println!("    {drawn}    {}", text.get(line).map_or("", String::as_str));
    }
    println!();
}

fn summary(server: &Outcome, client: &Outcome, private: &[usize], model: &Model) {
    let figure = |outcome: &Outcome, name: &str| outcome.report[name].as_u64().unwrap_or_default();
    let seconds = |name: &str| client.report["seconds"][name].as_f64().unwrap_or_default();
    let plain: Vec<usize> = model.images.chunks(SIDE * SIDE).map(|image| model.classify(image)).collect();
    let same = private.iter().zip(&plain).filter(|(a, b)| a == b).count();
    println!("{same} of {COUNT} private results are the plaintext model's.\n");
    println!(
        "Both together evaluated {} gates, and products on shares, in {}.",
        count(figure(client, "gates") as f64),
        time(seconds("handshake") + seconds("setup") + seconds("run"))
    );
    println!("The server sent {}, the client {}.", bytes(figure(server, "sent")), bytes(figure(client, "sent")));
    println!("The server never saw an image or a result. The client never saw a weight.");
    println!("\nNext: `motet new hello` begins a project of your own.");
}

fn numbers(result: &Value) -> Vec<usize> {
    let list = result.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|v| v.as_u64().map(|n| n as usize)).collect()
}
