//! The protocols that make correlated OTs, behind one interface.

use super::{Adversary, Config, Method, OtError, silent, softspoken};
use crate::crypto::{Block, SessionId};
use crate::net::Channel;

/// What one call makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// OTs for use.
    pub(super) usable: usize,
    /// OTs made after those, that the protocol itself spends.
    pub(super) spent: usize,
}

impl Batch {
    /// All OTs made: a multiple of 128, as is `usable`.
    pub(super) fn made(self) -> usize {
        self.usable + self.spent
    }

    /// What is made at once where `missing` OTs are wanted.
    fn of(method: Method, adversary: Adversary, missing: usize) -> Self {
        match method {
            Method::SoftSpoken => {
                Batch { usable: missing.next_multiple_of(softspoken::UNIT), spent: adversary.spent() }
            }
            Method::Silent => Batch { usable: silent::USABLE, spent: silent::RESERVED },
        }
    }
}

/// The side that has Δ.
pub(super) struct Sender {
    config: Config,
    protocol: SenderProtocol,
}

enum SenderProtocol {
    SoftSpoken(Box<softspoken::Sender>),
    Silent(Box<silent::Sender>),
}

impl Sender {
    pub(super) fn setup(
        channel: &mut Channel,
        session: &SessionId,
        delta: Block,
        config: Config,
    ) -> Result<Self, OtError> {
        let Config { method, subfield, adversary } = config;
        let first = softspoken::Sender::setup(channel, session, delta, subfield, adversary)?;
        let protocol = match method {
            Method::SoftSpoken => SenderProtocol::SoftSpoken(Box::new(first)),
            Method::Silent => {
                SenderProtocol::Silent(Box::new(silent::Sender::setup(channel, session, delta, adversary, first)?))
            }
        };
        Ok(Sender { config, protocol })
    }

    /// What [`Sender::extend`] is to make next where `missing` OTs are wanted.
    pub(super) fn batch(&self, missing: usize) -> Batch {
        Batch::of(self.config.method, self.config.adversary, missing)
    }

    /// Makes a batch of OTs. None of them may be used if this fails.
    pub(super) fn extend(&mut self, channel: &mut Channel, out: &mut [Block]) -> Result<(), OtError> {
        match &mut self.protocol {
            SenderProtocol::SoftSpoken(sender) => sender.extend(channel, out),
            SenderProtocol::Silent(sender) => sender.extend(channel, out),
        }
    }
}

/// The side that has choices.
pub(super) struct Receiver {
    config: Config,
    protocol: ReceiverProtocol,
}

enum ReceiverProtocol {
    SoftSpoken(softspoken::Receiver),
    Silent(Box<silent::Receiver>),
}

impl Receiver {
    pub(super) fn setup(channel: &mut Channel, session: &SessionId, config: Config) -> Result<Self, OtError> {
        let Config { method, subfield, adversary } = config;
        let first = softspoken::Receiver::setup(channel, session, subfield, adversary)?;
        let protocol = match method {
            Method::SoftSpoken => ReceiverProtocol::SoftSpoken(first),
            Method::Silent => {
                ReceiverProtocol::Silent(Box::new(silent::Receiver::setup(channel, session, adversary, first)?))
            }
        };
        Ok(Receiver { config, protocol })
    }

    /// What [`Receiver::extend`] is to make next where `missing` OTs are wanted.
    pub(super) fn batch(&self, missing: usize) -> Batch {
        Batch::of(self.config.method, self.config.adversary, missing)
    }

    /// Whether [`Receiver::extend`] sends and waits for nothing.
    pub(super) fn one_way(&self) -> bool {
        matches!((self.config.method, self.config.adversary), (Method::SoftSpoken, Adversary::SemiHonest))
    }

    /// Makes a batch of OTs, and their random choices, 128 a block. None of them may be used if this fails.
    pub(super) fn extend(
        &mut self,
        channel: &mut Channel,
        choices: &mut [Block],
        out: &mut [Block],
    ) -> Result<(), OtError> {
        match &mut self.protocol {
            ReceiverProtocol::SoftSpoken(receiver) => receiver.extend(channel, choices, out),
            ReceiverProtocol::Silent(receiver) => receiver.extend(channel, choices, out),
        }
    }
}
