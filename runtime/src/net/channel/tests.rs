//! The channel over memory and over TCP, with peers of every bad kind.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use proptest::prelude::*;

use super::super::tcp;
use super::super::{Cancel, Endpoint, Listener, SecretKey, Security, open};
use super::*;

fn quick() -> Config {
    Config {
        timeout: Duration::from_millis(600),
        heartbeat: Duration::from_millis(100),
        patience: Duration::from_secs(5),
        cancel: Cancel::default(),
    }
}

fn tcp_pair(config: &Config) -> (Channel, Channel) {
    pair_with(&Security::Loopback, &Security::Loopback, config).map_err(|e| e.0).unwrap()
}

/// Keys as Alice and as Bob hold them.
fn keys() -> [Security; 2] {
    let [alice, bob] = [(); 2].map(|()| SecretKey::generate().unwrap());
    let publics = [alice.public(), bob.public()];
    [Security::Keys { own: alice, peer: publics[1] }, Security::Keys { own: bob, peer: publics[0] }]
}

fn tls_pair(config: &Config) -> (Channel, Channel) {
    let [alice, bob] = keys();
    pair_with(&alice, &bob, config).map_err(|e| e.0).unwrap()
}

type Outcome = Result<Channel, NetError>;

/// Alice listens, Bob connects; where it fails, what each was told.
fn pair_with(alice: &Security, bob: &Security, config: &Config) -> Result<(Channel, Channel), Box<(String, String)>> {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address().to_string();
    thread::scope(|s| {
        let alice = s.spawn(|| open(Endpoint::Listen(listener), alice, "bob", config));
        let bob = open(Endpoint::Connect(address), bob, "alice", config);
        let say = |outcome: Outcome| outcome.err().map_or("fine".to_owned(), |e| e.to_string());
        match (alice.join().unwrap(), bob) {
            (Ok(alice), Ok(bob)) => Ok((alice, bob)),
            (alice, bob) => Err(Box::new((say(alice), say(bob)))),
        }
    })
}

/// A channel to a peer who writes raw bytes.
fn raw_peer(config: &Config) -> (Channel, TcpStream) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let stream = tcp::dial(&address, "mallory", config).unwrap();
    let source = stream.try_clone().unwrap();
    let channel = Channel::open(Box::new(source), Box::new(stream), "mallory", config).unwrap();
    (channel, socket.accept().unwrap().0)
}

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// Sends three megabytes in pieces of the sizes and receives them in pieces of other sizes, both ways at once.
fn cross((mut alice, mut bob): (Channel, Channel), sizes: &[usize], other_sizes: &[usize]) {
    let total = 3 << 20;
    let data = pattern(total);
    let send = |channel: &mut Channel, sizes: &[usize]| {
        let mut at = 0;
        for (i, &n) in sizes.iter().cycle().enumerate() {
            let n = n.min(total - at);
            let piece = &data[at..at + n];
            match i % 2 {
                0 if n <= MAX_CHUNK => channel.send_with(n, |out| out.copy_from_slice(piece)).unwrap(),
                _ => channel.send(piece).unwrap(),
            }
            at += n;
            if at == total {
                break;
            }
        }
    };
    let receive = |channel: &mut Channel, sizes: &[usize]| {
        let mut at = 0;
        let mut piece = Vec::new();
        for (i, &n) in sizes.iter().cycle().enumerate() {
            let n = n.min(total - at);
            match i % 2 {
                0 if n <= MAX_CHUNK => {
                    channel.receive_with(n, |got| assert!(got == &data[at..at + n], "at {at}")).unwrap();
                }
                _ => {
                    piece.resize(n, 0);
                    channel.receive(&mut piece).unwrap();
                    assert!(piece == data[at..at + n], "at {at}");
                }
            }
            at += n;
            if at == total {
                break;
            }
        }
    };
    thread::scope(|s| {
        s.spawn(|| {
            send(&mut alice, sizes);
            receive(&mut alice, sizes);
            assert!(alice.sent() > total as u64 && alice.received() > total as u64);
            alice.goodbye().unwrap();
        });
        receive(&mut bob, other_sizes);
        send(&mut bob, other_sizes);
        bob.goodbye().unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn pieces_of_any_size_arrive(
        sizes in prop::collection::vec(1usize..=MAX_CHUNK, 1..6),
        small in prop::collection::vec(1usize..20_000, 1..6),
    ) {
        cross(Channel::pair(), &sizes, &small);
        cross(tcp_pair(&quick()), &small, &sizes);
        cross(tls_pair(&quick()), &small, &sizes);
    }
}

#[test]
fn chunks_are_viewed_in_place() {
    cross(tcp_pair(&quick()), &[192 * 1024], &[192 * 1024]);
    cross(tcp_pair(&quick()), &[MAX_CHUNK, 1], &[MAX_CHUNK, 1]);
}

#[test]
fn messages_arrive() {
    let (mut alice, mut bob) = Channel::pair();
    let message = (7u32, "seven".to_owned(), vec![1u64; 100_000]);
    alice.send_message(&message).unwrap();
    alice.flush().unwrap();
    assert_eq!(bob.receive_message::<(u32, String, Vec<u64>)>(1 << 20).unwrap(), message);
}

#[test]
fn a_message_above_its_limit_is_refused() {
    let (mut alice, mut bob) = Channel::pair();
    alice.send_message(&vec![0u8; 2000]).unwrap();
    alice.flush().unwrap();
    let error = bob.receive_message::<Vec<u8>>(1000).unwrap_err();
    assert!(matches!(error, NetError::Malformed { what: Malformed::MessageLength { limit: 1000, .. }, .. }));
}

#[test]
fn a_message_with_lies_inside_is_refused() {
    let (mut alice, mut bob) = Channel::pair();
    // A vector that claims 2^60 elements.
    let body = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    alice.send(&(body.len() as u32).to_le_bytes()).unwrap();
    alice.send(&body).unwrap();
    alice.flush().unwrap();
    let error = bob.receive_message::<Vec<u64>>(1000).unwrap_err();
    assert!(matches!(error, NetError::Malformed { what: Malformed::Message(_), .. }));
}

#[test]
fn a_slow_link_is_slow() {
    let link = Link { latency: Duration::from_millis(20), rate: Some(10e6) };
    let (mut alice, mut bob) = Channel::pair_over(link, &Config::default());
    let start = Instant::now();
    thread::scope(|s| {
        s.spawn(|| {
            alice.send(&[1; 500_000]).unwrap();
            alice.receive(&mut [0; 1]).unwrap();
        });
        bob.receive(&mut vec![0; 500_000]).unwrap();
        bob.send(&[1]).unwrap();
        bob.flush().unwrap();
    });
    // 50 ms through the line and 20 ms each way.
    assert!(start.elapsed() >= Duration::from_millis(85));
}

#[test]
fn a_silent_peer_is_an_error() {
    let (mut channel, mut peer) = raw_peer(&quick());
    peer.write_all(&frame::greeting()).unwrap();
    let error = channel.receive(&mut [0; 1]).unwrap_err();
    assert!(error.to_string().starts_with("mallory has been silent for 0.6 s"), "{error}");
}

#[test]
fn a_peer_who_takes_nothing_is_an_error() {
    let (mut channel, _peer) = raw_peer(&quick());
    let error = (0..4096).find_map(|_| channel.send(&[0; 65536]).err()).unwrap();
    assert!(matches!(error, NetError::Silent { .. }), "{error}");
}

#[test]
fn a_peer_at_work_is_waited_for() {
    let (mut alice, mut bob) = tcp_pair(&quick());
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            alice.send(&[7]).unwrap();
            alice.receive(&mut vec![0; 64 << 20]).unwrap();
        });
        let mut got = [0];
        bob.receive(&mut got).unwrap();
        assert_eq!(got, [7]);
        bob.send(&vec![1; 64 << 20]).unwrap();
        bob.flush().unwrap();
    });
}

#[test]
fn a_peer_at_work_is_waited_for_while_sending() {
    let (mut alice, mut bob) = tcp_pair(&quick());
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            alice.receive(&mut vec![0; 64 << 20]).unwrap();
        });
        bob.send(&vec![1; 64 << 20]).unwrap();
        bob.flush().unwrap();
    });
}

#[test]
fn a_lost_peer_is_an_error() {
    let (mut channel, mut peer) = raw_peer(&quick());
    peer.write_all(&frame::greeting()).unwrap();
    peer.write_all(&frame::encode(Kind::Data, 100)).unwrap();
    peer.write_all(&[0; 50]).unwrap();
    drop(peer);
    let error = channel.receive(&mut [0; 100]).unwrap_err();
    assert!(matches!(error, NetError::Closed { .. } | NetError::Lost { .. }), "{error}");
}

#[test]
fn nonsense_is_refused_by_name() {
    let greeting = frame::greeting();
    let cases: [(&[u8], &[u8], &str); 6] = [
        (b"HTTP/1.1", b"", "wire format"),
        (b"MOTET\0\x63\x00", b"", "version 99"),
        (&greeting, &[0, 0xff, 0xff, 0xff, 0xff], "4294967295 bytes"),
        (&greeting, &[77, 0, 0, 0, 0], "unknown kind 77"),
        (&greeting, &[2, 0xff, 0xff, 0, 0], "control frame"),
        (&greeting, &[3, 0, 0, 0, 0], "ended the session"),
    ];
    for (first, then, words) in cases {
        let (mut channel, mut peer) = raw_peer(&quick());
        peer.write_all(first).unwrap();
        peer.write_all(then).unwrap();
        let error = channel.receive(&mut [0; 1]).unwrap_err().to_string();
        assert!(error.contains(words) && error.starts_with("mallory"), "{error}");
    }
}

#[test]
fn an_abort_arrives_with_its_reason() {
    for (alice, mut bob) in [Channel::pair(), tcp_pair(&quick()), tls_pair(&quick())] {
        thread::scope(|s| {
            s.spawn(|| alice.abort("an assertion\nfailed"));
            let error = bob.receive(&mut [0; 1]).unwrap_err();
            assert_eq!(error.to_string(), "alice stopped: an assertion failed");
            drop(bob);
        });
    }
}

#[test]
fn an_abort_reaches_a_peer_who_sends() {
    let (alice, mut bob) = tcp_pair(&quick());
    thread::scope(|s| {
        s.spawn(|| alice.abort("enough"));
        // Alice drains the line for a moment, so that her words are not lost; then she hangs up.
        let error = (0..).find_map(|_| bob.send(&[0; 65536]).err()).unwrap();
        assert_eq!(error.to_string(), "alice stopped: enough");
        drop(bob);
    });
}

#[test]
fn cancelling_ends_waiting() {
    let config = Config { cancel: Cancel::default(), ..Config::default() };
    let (mut channel, _peer) = raw_peer(&config);
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            config.cancel.cancel();
        });
        assert!(matches!(channel.receive(&mut [0; 1]), Err(NetError::Cancelled)));
        assert!(matches!(channel.send(&[0; SEND_AT]), Err(NetError::Cancelled)));
    });
}

#[test]
fn cancelling_ends_the_wait_for_a_peer() {
    let config = Config::default();
    config.cancel.cancel();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("127.0.0.1:{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    for endpoint in [Endpoint::Listen(listener), Endpoint::Connect(nobody)] {
        assert!(matches!(open(endpoint, &Security::Loopback, "bob", &config), Err(NetError::Cancelled)));
    }
}

#[test]
fn nobody_comes() {
    let config = Config { patience: Duration::from_millis(200), ..quick() };
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("127.0.0.1:{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let error = open(Endpoint::Listen(listener), &Security::Loopback, "bob", &config).err().unwrap();
    assert!(error.to_string().starts_with("bob did not connect to 127.0.0.1:"), "{error}");
    let error = open(Endpoint::Connect(nobody), &Security::Loopback, "bob", &config).err().unwrap();
    assert!(error.to_string().starts_with("bob could not be reached at 127.0.0.1:"), "{error}");
}

#[test]
fn the_one_who_connects_may_be_first() {
    let config = quick();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    thread::scope(|s| {
        let bob = s.spawn(|| open(Endpoint::Connect(address.clone()), &Security::Loopback, "alice", &config));
        thread::sleep(Duration::from_millis(200));
        let listener = Listener::bind(&address).unwrap();
        open(Endpoint::Listen(listener), &Security::Loopback, "bob", &config).unwrap();
        bob.join().unwrap().unwrap();
    });
}

#[test]
fn plaintext_stays_on_this_machine() {
    let refused = |endpoint| open(endpoint, &Security::Loopback, "bob", &quick()).err().unwrap();
    let everywhere = Endpoint::Listen(Listener::bind("0.0.0.0:0").unwrap());
    assert!(matches!(refused(everywhere), NetError::Plaintext { .. }));
    assert!(matches!(refused(Endpoint::Connect("192.0.2.1:7766".into())), NetError::Plaintext { .. }));
}

#[test]
fn heartbeats_are_sent_when_idle() {
    let (_channel, mut peer) = raw_peer(&quick());
    let mut bytes = [0; 8 + 5 + 5];
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes[8..], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn a_protected_peer_at_work_is_waited_for() {
    let (mut alice, mut bob) = tls_pair(&quick());
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            alice.send(&[7]).unwrap();
            alice.receive(&mut vec![0; 32 << 20]).unwrap();
            alice.goodbye().unwrap();
        });
        bob.receive(&mut [0]).unwrap();
        bob.send(&vec![1; 32 << 20]).unwrap();
        bob.goodbye().unwrap();
    });
}

#[test]
fn a_wrong_key_is_refused_on_both_sides() {
    let [alice, bob] = keys();
    let [impostor, _] = keys();
    let (Security::Keys { own: a, peer: b }, Security::Keys { own: i, .. }) = (&alice, &impostor) else { panic!() };
    let wrong = format!(
        "bob does not have the key that it should: expected {}, shown {}",
        b.fingerprint(),
        i.public().fingerprint()
    );

    let as_bob = Security::Keys { own: i.clone(), peer: a.public() };
    let (alice_says, bob_says) = *pair_with(&alice, &as_bob, &quick()).err().unwrap();
    assert_eq!(alice_says, wrong);
    assert_eq!(
        bob_says,
        format!("alice refuses this side's key {}: it was given another one", i.public().fingerprint())
    );

    let as_alice = Security::Keys { own: i.clone(), peer: *b };
    let (alice_says, bob_says) = *pair_with(&as_alice, &bob, &quick()).err().unwrap();
    assert!(bob_says.starts_with("alice does not have the key that it should"), "{bob_says}");
    assert!(alice_says.starts_with("bob refuses this side's key"), "{alice_says}");
}

#[test]
fn keys_on_one_side_alone_are_an_error() {
    let [alice, bob] = keys();
    let (alice_says, bob_says) = *pair_with(&alice, &Security::Loopback, &quick()).err().unwrap();
    assert_eq!(alice_says, "bob does not speak TLS; was it started without keys?");
    assert!(bob_says.contains("does it use keys where this side has none?"), "{bob_says}");
    let (alice_says, bob_says) = *pair_with(&Security::Loopback, &bob, &quick()).err().unwrap();
    assert_eq!(bob_says, "alice does not speak TLS; was it started without keys?");
    assert!(alice_says.contains("it speaks TLS, and this side was started without keys"), "{alice_says}");
}
