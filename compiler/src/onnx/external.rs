//! Tensors kept in a file beside the model.

use crate::error::{Error, Result, Stage};
use onnx_protobuf::TensorProto;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

/// The `expected` bytes of a tensor, from the file that it names relative to `directory`.
pub(super) fn bytes(proto: &TensorProto, name: &str, directory: Option<&Path>, expected: usize) -> Result<Vec<u8>> {
    let fail = |cause: String| Error::new(Stage::Read, cause).at(name);
    let value = |key: &str| proto.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let number = |key: &str| match value(key) {
        None => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| fail(format!("{key} of its external data is “{text}”, not a number"))),
    };
    let location = value("location").ok_or_else(|| fail("its external data names no file".into()))?;
    let inside = Path::new(location).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    // A backslash or a drive letter leaves the folder on another system: refused everywhere alike.
    if location.is_empty() || !inside || location.contains(['\\', ':', '\0']) {
        return Err(fail(format!("its external data is at “{location}”, outside of the model's folder"))
            .remedy("external data must lie beside the model; export the model again with its data beside it"));
    }
    let directory = directory.ok_or_else(|| {
        fail(format!("its data is in the external file “{location}”"))
            .remedy("give the model as a file path, with that file beside it")
    })?;
    let path = directory.join(location);
    let unreadable = |e: std::io::Error| {
        fail(format!("its external data “{location}” cannot be read: {e}"))
            .remedy("copy that file beside the model; both together are the model")
    };
    let real = path.canonicalize().map_err(unreadable)?;
    if !real.starts_with(directory.canonicalize().map_err(unreadable)?) {
        return Err(fail(format!("its external data “{location}” is a link that leaves the model's folder"))
            .remedy("replace the link by the file itself"));
    }
    let mut file = File::open(&real).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let offset = number("offset")?.unwrap_or(0);
    let length = number("length")?.unwrap_or(expected as u64);
    if length != expected as u64 || offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(fail(format!(
            "it needs {expected} bytes; the file says {length} from {offset} of “{location}”, which has {size}"
        ))
        .remedy("the external file is damaged or of another model: copy it again"));
    }
    file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    let mut data = vec![0; expected];
    file.read_exact(&mut data).map_err(unreadable)?;
    Ok(data)
}
