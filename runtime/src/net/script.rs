//! A peer that has said all that it will ever say: for fuzzing.

use std::io;

use super::channel::Channel;
use super::config::Config;
use super::error::NetError;
use super::stream::{Sink, Source};

/// A channel whose peer sends these bytes, hangs up, and takes whatever it is sent.
pub(crate) fn scripted(bytes: &[u8]) -> Result<Channel, NetError> {
    let source = Script(io::Cursor::new(bytes.to_vec()));
    Channel::open(Box::new(source), Box::new(Void), "mallory", &Config::default())
}

struct Script(io::Cursor<Vec<u8>>);
struct Void;

impl Source for Script {
    fn read(&mut self, into: &mut [u8], _wait: bool) -> io::Result<usize> {
        io::Read::read(&mut self.0, into)
    }
}

impl Sink for Void {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self) {}
}
