//! Random templates over random batches, with every knowledge of inputs, against their plain evaluation.

use std::thread;

use motet_circuits::fuzz::Words;
use motet_circuits::{Builder, Form, Known, Template, gadgets};

use super::*;
use crate::crypto::{Block, Kdf, Kernels, Prg, SessionId, Stream, TweakKeys};
use crate::net::Channel;
use crate::ot::{Config, CotReceiver, CotSender};

const SESSION: SessionId = SessionId([3; 32]);

fn products() -> Products {
    let kernels = Kernels::detect();
    Products::new(kernels, TweakKeys::new(kernels.isa(), Kdf::new("test", &SESSION).block(), 0))
}

/// One party's run: its bits of the inputs, 64 instances a word; its bits of the outputs.
fn party(
    role: Role,
    mut channel: Channel,
    templates: &[(Template, usize)],
    inputs: &[Vec<Vec<u64>>],
) -> Vec<Vec<Vec<u64>>> {
    let delta = Prg::from_seed(Block::new(5), Stream(0)).block().with_colour();
    let (mut sender, mut receiver) = (None, None);
    match role {
        Role::Garbler => {
            sender = Some(CotSender::setup(&mut channel, &SESSION, delta, Config::default()).unwrap());
        }
        Role::Evaluator => receiver = Some(CotReceiver::setup(&mut channel, &SESSION, Config::default()).unwrap()),
    }
    let (mut products, mut batch) = (products(), Batch::default());
    let mut results = Vec::new();
    for ((template, n), inputs) in templates.iter().zip(inputs) {
        let levels = Levels::new(template, role);
        batch.begin(&levels, *n);
        for (i, words) in inputs.iter().enumerate() {
            if levels.holds(i) {
                batch.input(i).copy_from_slice(words);
            }
        }
        let source = match (&mut sender, &mut receiver) {
            (Some(sender), _) => Source::Sender(sender, delta),
            (_, Some(receiver)) => Source::Receiver(receiver),
            _ => unreachable!(),
        };
        batch.run(&levels, &mut products, source, &mut channel).unwrap();
        let output = |i: usize| {
            let mut words = vec![0; batch.words()];
            batch.output(&levels, i, &mut words);
            words
        };
        results.push((0..levels.outputs()).map(output).collect());
    }
    channel.flush().unwrap();
    results
}

/// Runs templates and compares with their evaluation.
fn check(templates: Vec<(Template, usize)>) {
    let mut random = Words(17);
    let (mut clear, mut garbler, mut evaluator) = (Vec::new(), Vec::new(), Vec::new());
    for (template, n) in &templates {
        let mut words = |_| (0..n.div_ceil(64)).map(|_| random.next()).collect::<Vec<u64>>();
        let values: Vec<Vec<u64>> = template.inputs.iter().map(&mut words).collect();
        let masks: Vec<Vec<u64>> = template.inputs.iter().map(&mut words).collect();
        let split = |own: Known| {
            let share = |((known, value), mask): ((&Known, &Vec<u64>), &Vec<u64>)| match known {
                Known::Nobody if own == Known::Garbler => value.iter().zip(mask).map(|(v, m)| v ^ m).collect(),
                Known::Nobody => mask.clone(),
                _ => value.clone(),
            };
            template.inputs.iter().zip(&values).zip(&masks).map(share).collect::<Vec<Vec<u64>>>()
        };
        garbler.push(split(Known::Garbler));
        evaluator.push(split(Known::Evaluator));
        clear.push(values);
    }
    let (alice, bob) = Channel::pair();
    let copy = templates.clone();
    let other = thread::spawn(move || party(Role::Garbler, alice, &copy, &garbler));
    let mine = party(Role::Evaluator, bob, &templates, &evaluator);
    let theirs = other.join().unwrap();
    for (at, (template, n)) in templates.iter().enumerate() {
        for word in 0..n.div_ceil(64) {
            let inputs: Vec<u64> = clear[at].iter().map(|words| words[word]).collect();
            let expected = template.evaluate_words(&inputs);
            let mask =
                if n.is_multiple_of(64) || word + 1 < n.div_ceil(64) { u64::MAX } else { u64::MAX >> (64 - n % 64) };
            for (output, expected) in expected.iter().enumerate() {
                let got = mine[at][output][word] ^ theirs[at][output][word];
                assert_eq!((got ^ expected) & mask, 0, "template {at}, output {output}, word {word} of {n} instances");
            }
        }
    }
}

#[test]
fn random_templates_agree_with_their_evaluation() {
    let mut random = Words(99);
    let mut templates = Vec::new();
    for n in [1, 2, 63, 64, 65, 127, 128, 129, 1000] {
        for _ in 0..6 {
            let inputs = 12;
            let mut b = Builder::with_form(inputs, Form::Shallow);
            let mut bits = b.inputs(0..inputs);
            for _ in 0..80 {
                let mut pick = || {
                    let bit = bits[random.next() as usize % bits.len()];
                    if random.next().is_multiple_of(2) { bit } else { !bit }
                };
                let (x, y) = (pick(), pick());
                let made = if random.next().is_multiple_of(2) { b.and(x, y) } else { b.xor(x, y) };
                bits.push(made);
            }
            let mut outputs = bits.split_off(bits.len() - 20);
            outputs.extend([motet_circuits::Bit::TRUE, bits[0], !bits[1]]);
            let circuit = b.finish(outputs);
            let all = [Known::Public, Known::Garbler, Known::Evaluator, Known::Nobody];
            let known: Vec<Known> = (0..inputs).map(|_| all[random.next() as usize % 4]).collect();
            templates.push((Template::new(&circuit, &known), n));
        }
    }
    check(templates);
}

#[test]
fn sums_take_few_levels() {
    let mut b = Builder::with_form(128, Form::Shallow);
    let (x, y) = (b.inputs(0..64), b.inputs(64..128));
    let sum = gadgets::add(&mut b, &x, &y);
    let known: Vec<Known> = (0..128).map(|i| if i < 64 { Known::Garbler } else { Known::Evaluator }).collect();
    let template = Template::new(&b.finish(sum), &known);
    assert_eq!(Levels::new(&template, Role::Garbler).depth(), 7);
    check(vec![(template, 5000)]);
}
