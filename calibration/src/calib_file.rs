//! The `.calib` file: `specs/calib.proto` as Rust, and its frame.

use prost::Message;

use crate::profile::MAGIC;
use crate::stats::Histogram;
use crate::{Error, Hash, ImageId, Profile, TensorStats, bins};

mod wire {
    //! The messages of `specs/calib.proto`, field by field.

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Profile {
        #[prost(bytes = "vec", tag = "1")]
        pub model_hash: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub preprocess_hash: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        pub images: Vec<u8>,
        #[prost(message, repeated, tag = "4")]
        pub tensors: Vec<Tensor>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Tensor {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(uint64, tag = "2")]
        pub count: u64,
        #[prost(uint64, tag = "3")]
        pub non_finite: u64,
        #[prost(float, repeated, tag = "4")]
        pub min: Vec<f32>,
        #[prost(float, repeated, tag = "5")]
        pub max: Vec<f32>,
        #[prost(sfixed64, repeated, tag = "6")]
        pub sum_high: Vec<i64>,
        #[prost(fixed64, repeated, tag = "7")]
        pub sum_low: Vec<u64>,
        #[prost(sfixed64, repeated, tag = "8")]
        pub sum_of_squares_high: Vec<i64>,
        #[prost(fixed64, repeated, tag = "9")]
        pub sum_of_squares_low: Vec<u64>,
        #[prost(message, repeated, tag = "10")]
        pub histogram: Vec<Bins>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Bins {
        #[prost(sint32, repeated, tag = "1")]
        pub steps: Vec<i32>,
        #[prost(uint64, repeated, tag = "2")]
        pub counts: Vec<u64>,
    }
}

/// Magic, version, length.
const HEADER: usize = 8 + 4 + 8;

impl Profile {
    /// The bytes of the `.calib` file: the same for equal profiles, on every machine.
    pub fn encode(&self) -> Vec<u8> {
        let message = wire::Profile {
            model_hash: self.model_hash.0.to_vec(),
            preprocess_hash: self.preprocess_hash.0.to_vec(),
            images: self.images.iter().flat_map(|id| id.0).collect(),
            tensors: self.tensors.iter().map(|(name, stats)| to_wire(name, stats)).collect(),
        };
        let body = message.encode_to_vec();
        let mut bytes = Vec::with_capacity(HEADER + body.len() + 8);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&Self::VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&fnv1a(&body).to_le_bytes());
        bytes
    }

    /// Reads what [`Profile::encode`] wrote.
    ///
    /// # Errors
    /// [`Error::Magic`], [`Error::Version`], [`Error::Truncated`] or [`Error::Damaged`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let body = body(bytes)?;
        let message = wire::Profile::decode(body).map_err(|cause| Error::Damaged(cause.to_string()))?;
        let (ids, []) = message.images.as_chunks::<16>() else {
            return damaged("the list of images is not made of ids of 16 bytes");
        };
        if !ids.is_sorted_by(|a, b| a < b) {
            return damaged("the list of images is not ascending");
        }
        let mut profile = Profile::new(hash(&message.model_hash)?, hash(&message.preprocess_hash)?);
        profile.images = ids.iter().copied().map(ImageId).collect();
        if !message.tensors.is_sorted_by(|a, b| a.name < b.name) {
            return damaged("tensors are not ascending by name");
        }
        for tensor in message.tensors {
            let stats =
                from_wire(&tensor).map_err(|cause| Error::Damaged(format!("tensor `{}`: {cause}", tensor.name)))?;
            profile.tensors.insert(tensor.name, stats);
        }
        Ok(profile)
    }
}

/// Checks the frame and returns the message in it.
fn body(bytes: &[u8]) -> Result<&[u8], Error> {
    let truncated = |expected: u64| Error::Truncated { found: bytes.len() as u64, expected };
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Err(Error::Magic);
    }
    let (Some(version), Some(length)) = (array(bytes, 8), array(bytes, 12)) else {
        return Err(truncated(HEADER as u64));
    };
    let version = u32::from_le_bytes(version);
    if version != Profile::VERSION {
        return Err(Error::Version { found: version, expected: Profile::VERSION });
    }
    let length = u64::from_le_bytes(length);
    let expected = length.saturating_add(HEADER as u64 + 8);
    if (bytes.len() as u64) < expected {
        return Err(truncated(expected));
    }
    if bytes.len() as u64 > expected {
        return damaged("there are bytes after its end");
    }
    let body = &bytes[HEADER..bytes.len() - 8];
    match array(bytes, bytes.len() - 8) {
        Some(sum) if u64::from_le_bytes(sum) == fnv1a(body) => Ok(body),
        _ => damaged("its checksum does not match"),
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn damaged<T>(cause: &str) -> Result<T, Error> {
    Err(Error::Damaged(cause.to_owned()))
}

fn hash(bytes: &[u8]) -> Result<Hash, Error> {
    bytes.try_into().map(Hash).or_else(|_| damaged("a hash does not have 32 bytes"))
}

/// FNV-1a, 64 bit: guards against accidents, not against people.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn to_wire(name: &str, stats: &TensorStats) -> wire::Tensor {
    let high = |sums: &[i128]| sums.iter().map(|&sum| (sum >> 64) as i64).collect();
    let low = |sums: &[i128]| sums.iter().map(|&sum| sum as u64).collect();
    let histogram = (0..stats.channels()).map(|channel| {
        let mut bins = wire::Bins::default();
        let mut last = 0;
        for (bin, count) in stats.histogram.bins(channel).filter(|&(_, count)| count > 0) {
            bins.steps.push(bin - last);
            bins.counts.push(count);
            last = bin;
        }
        bins
    });
    wire::Tensor {
        name: name.to_owned(),
        count: stats.count,
        non_finite: stats.non_finite,
        min: stats.min.clone(),
        max: stats.max.clone(),
        sum_high: high(&stats.sum),
        sum_low: low(&stats.sum),
        sum_of_squares_high: high(&stats.sum_of_squares),
        sum_of_squares_low: low(&stats.sum_of_squares),
        histogram: histogram.collect(),
    }
}

fn from_wire(tensor: &wire::Tensor) -> Result<TensorStats, String> {
    let channels = tensor.min.len();
    let lengths = [
        tensor.max.len(),
        tensor.sum_high.len(),
        tensor.sum_low.len(),
        tensor.sum_of_squares_high.len(),
        tensor.sum_of_squares_low.len(),
        tensor.histogram.len(),
    ];
    if lengths.iter().any(|&length| length != channels) {
        return Err("its lists are not equally long".to_owned());
    }
    if tensor.min.iter().chain(&tensor.max).any(|x| x.is_nan()) {
        return Err("an extreme is not a number".to_owned());
    }
    let join = |high: &[i64], low: &[u64]| {
        high.iter().zip(low).map(|(&high, &low)| (i128::from(high) << 64) | i128::from(low)).collect()
    };
    let mut stats = TensorStats::new(channels);
    stats.count = tensor.count;
    stats.non_finite = tensor.non_finite;
    stats.min.clone_from(&tensor.min);
    stats.max.clone_from(&tensor.max);
    stats.sum = join(&tensor.sum_high, &tensor.sum_low);
    stats.sum_of_squares = join(&tensor.sum_of_squares_high, &tensor.sum_of_squares_low);
    stats.histogram = histogram(&tensor.histogram, tensor.count)?;
    Ok(stats)
}

/// Dense again. Checks that bins ascend within f32's range and that no channel counts more values than there were.
fn histogram(channels: &[wire::Bins], count: u64) -> Result<Histogram, String> {
    let mut sparse = Vec::with_capacity(channels.len());
    let (mut below, mut above) = (0, 0);
    for channel in channels {
        if channel.steps.len() != channel.counts.len() {
            return Err("a histogram has more bins than counts or fewer".to_owned());
        }
        let (mut bins, mut last, mut total) = (Vec::with_capacity(channel.steps.len()), None, 0u64);
        for (&step, &n) in channel.steps.iter().zip(&channel.counts) {
            let bin = last.unwrap_or(0i32).saturating_add(step);
            if n == 0 || bin.abs() > bins::LAST || last.is_some_and(|last| last >= bin) {
                return Err("a histogram's bins do not ascend or hold nothing".to_owned());
            }
            total = total.saturating_add(n);
            (below, above) = (below.max(-bin), above.max(bin));
            bins.push((bin, n));
            last = Some(bin);
        }
        if total > count {
            return Err("a histogram counts more values than there were".to_owned());
        }
        sparse.push(bins);
    }
    let (below, above) = (below.unsigned_abs() as usize, above.unsigned_abs() as usize);
    let mut histogram = Histogram { below: 0, above: 0, counts: vec![0; channels.len()] };
    histogram.widen(below, above);
    let width = histogram.width();
    for (counts, bins) in histogram.counts.chunks_exact_mut(width).zip(sparse) {
        for (bin, n) in bins {
            counts[(bin + below as i32) as usize] = n;
        }
    }
    Ok(histogram)
}
