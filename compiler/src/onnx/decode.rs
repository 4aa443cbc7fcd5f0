//! From `TensorProto` to [`Tensor`]: raw bytes, typed fields, external files.

use super::external;
use super::tensor::{Data, Element, Tensor};
use crate::error::{Error, Result, Stage};
use onnx_protobuf::TensorProto;
use onnx_protobuf::tensor_proto::DataLocation;
use std::path::Path;

/// Decodes a tensor; `name` is for messages.
pub(super) fn tensor(proto: &TensorProto, name: &str, external_dir: Option<&Path>) -> Result<Tensor> {
    let fail = |cause: String| Error::new(Stage::Read, cause).at(name);
    let element = Element::from_code(i64::from(proto.data_type)).ok_or_else(|| {
        fail(format!("tensors of ONNX data type {} are not supported", proto.data_type))
            .remedy("export the model in float32 (or float16)")
    })?;
    let mut dims = Vec::with_capacity(proto.dims.len().min(16));
    let mut count = 1usize;
    for &dim in &proto.dims {
        let dim = usize::try_from(dim).map_err(|_| {
            fail(format!("dimensions {:?} contain a negative number", proto.dims)).remedy("export the model again")
        })?;
        count = count.checked_mul(dim).filter(|&n| n <= isize::MAX as usize / 8).ok_or_else(|| {
            fail(format!("dimensions {:?} are too large for any memory", proto.dims)).remedy("export the model again")
        })?;
        dims.push(dim);
    }
    if proto.segment.is_some() {
        return Err(fail("tensors in segments are not supported".into()).remedy("export the model again"));
    }
    let mismatch = |have: usize, unit: &str| {
        fail(format!("dimensions {:?} need {count} elements, the file holds {have} {unit}", proto.dims))
            .remedy("the file is damaged or cut short: copy or export it again")
    };
    let data = if proto.data_location.enum_value() == Ok(DataLocation::EXTERNAL) {
        let bytes = count.checked_mul(element.size()).ok_or_else(|| mismatch(0, "bytes"))?;
        let raw = external::bytes(proto, name, external_dir, bytes)?;
        from_raw(element, &raw)
    } else if !proto.raw_data.is_empty() {
        if count.checked_mul(element.size()) != Some(proto.raw_data.len()) {
            return Err(mismatch(proto.raw_data.len(), &format!("bytes of {element:?}")));
        }
        from_raw(element, &proto.raw_data)
    } else {
        from_fields(element, proto)
    };
    if data.len() != count {
        return Err(mismatch(data.len(), "elements"));
    }
    Ok(Tensor { dims, element, data })
}

/// Little-endian bytes; their number is a multiple of the element's size.
fn from_raw(element: Element, raw: &[u8]) -> Data {
    macro_rules! numbers {
        ($type:ty, $convert:expr) => {
            raw.as_chunks::<{ size_of::<$type>() }>().0.iter().map(|b| $convert(<$type>::from_le_bytes(*b))).collect()
        };
    }
    match element {
        Element::F32 => Data::Floats(numbers!(f32, |v| v)),
        Element::F64 => Data::Floats(numbers!(f64, |v| v as f32)),
        Element::F16 => Data::Floats(numbers!(u16, f16_to_f32)),
        Element::BF16 => Data::Floats(numbers!(u16, |v| f32::from_bits(u32::from(v) << 16))),
        Element::I64 => Data::Ints(numbers!(i64, |v| v)),
        Element::I32 => Data::Ints(numbers!(i32, i64::from)),
        Element::I16 => Data::Ints(numbers!(i16, i64::from)),
        Element::I8 => Data::Ints(numbers!(i8, i64::from)),
        Element::U64 => Data::Ints(numbers!(u64, |v| i64::try_from(v).unwrap_or(i64::MAX))),
        Element::U32 => Data::Ints(numbers!(u32, i64::from)),
        Element::U16 => Data::Ints(numbers!(u16, i64::from)),
        Element::U8 => Data::Ints(numbers!(u8, i64::from)),
        Element::Bool => Data::Bools(raw.iter().map(|&b| b != 0).collect()),
    }
}

/// The typed repeated fields.
fn from_fields(element: Element, proto: &TensorProto) -> Data {
    let ints = |values: &[i32]| values.iter().map(|&v| i64::from(v)).collect();
    match element {
        Element::F32 => Data::Floats(proto.float_data.clone()),
        Element::F64 => Data::Floats(proto.double_data.iter().map(|&v| v as f32).collect()),
        // The bits, in the low half of an i32.
        Element::F16 => Data::Floats(proto.int32_data.iter().map(|&v| f16_to_f32(v as u16)).collect()),
        Element::BF16 => Data::Floats(proto.int32_data.iter().map(|&v| f32::from_bits((v as u32) << 16)).collect()),
        Element::I64 => Data::Ints(proto.int64_data.clone()),
        Element::I32 | Element::I16 | Element::I8 | Element::U16 | Element::U8 => Data::Ints(ints(&proto.int32_data)),
        Element::U64 | Element::U32 => {
            Data::Ints(proto.uint64_data.iter().map(|&v| i64::try_from(v).unwrap_or(i64::MAX)).collect())
        }
        Element::Bool => Data::Bools(proto.int32_data.iter().map(|&v| v != 0).collect()),
    }
}

/// `(−1)^s · 1.m · 2^(e−15)`, `(−1)^s · 0.m · 2^−14` where e = 0, infinity or NaN where e = 31.
fn f16_to_f32(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => mantissa * 2f32.powi(-14),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + mantissa) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proto(dims: &[i64], data_type: i32, raw: &[u8]) -> TensorProto {
        TensorProto { dims: dims.to_vec(), data_type, raw_data: raw.to_vec(), ..Default::default() }
    }

    #[test]
    fn halves() {
        for (bits, value) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (1, 5.960_464_5e-8), (0x7bff, 65504.0)]
        {
            assert_eq!(f16_to_f32(bits), value);
        }
        assert!(f16_to_f32(0x7c00).is_infinite() && f16_to_f32(0x7e00).is_nan());
    }

    #[test]
    fn claims_are_checked_against_bytes() {
        let cases: [(&[i64], &[u8], &str); 5] = [
            (&[2], &[0; 4], "need 2 elements"),
            (&[-1], &[0; 4], "negative"),
            (&[i64::MAX, i64::MAX], &[0; 4], "too large"),
            (&[1 << 40], &[0; 4], "need 1099511627776 elements"),
            (&[1 << 40], &[], "the file holds 0"),
        ];
        for (dims, raw, expected) in cases {
            let error = tensor(&proto(dims, 1, raw), "w", None).unwrap_err();
            assert!(error.cause.contains(expected), "{error}");
            assert_eq!(error.node.as_deref(), Some("w"));
        }
        assert!(tensor(&proto(&[1], 8, &[]), "w", None).unwrap_err().cause.contains("data type 8"));
    }

    #[test]
    fn every_float_spelling() {
        let one = Data::Floats(vec![1.0]);
        assert_eq!(tensor(&proto(&[1], 1, &1f32.to_le_bytes()), "", None).unwrap().data, one);
        assert_eq!(tensor(&proto(&[1], 11, &1f64.to_le_bytes()), "", None).unwrap().data, one);
        assert_eq!(tensor(&proto(&[1], 10, &[0, 0x3c]), "", None).unwrap().data, one);
        assert_eq!(tensor(&proto(&[1], 16, &[0x80, 0x3f]), "", None).unwrap().data, one);
        let typed = TensorProto { dims: vec![], data_type: 1, float_data: vec![1.0], ..Default::default() };
        assert_eq!(tensor(&typed, "", None).unwrap().data, one);
    }
}
