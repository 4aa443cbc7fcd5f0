//! Constants computed with.

use super::structure::broadcast_source;
use super::{Inputs, checked_count};
use crate::import::dims::{self, Plain};
use crate::onnx::{Data, Element, Tensor};

/// Elementwise operators of one, two or more inputs; `None` where the operator is none of these.
pub(super) fn elementwise(inputs: &Inputs<'_>) -> Plain<Option<Tensor>> {
    let op = inputs.node.op.as_str();
    Ok(Some(match op {
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Equal" | "Less" | "LessOrEqual" | "Greater"
        | "GreaterOrEqual" | "And" | "Or" => binary(op, inputs.get(0)?, inputs.get(1)?, fmod(inputs))?,
        "Min" | "Max" | "Sum" => {
            let mut result = Tensor::clone(inputs.get(0)?);
            for other in inputs.values.iter().skip(1).flatten() {
                result = binary(if op == "Sum" { "Add" } else { op }, &result, other, false)?;
            }
            result
        }
        "Clip" => clip(inputs)?,
        "Ceil" | "Floor" | "Round" | "Neg" | "Abs" | "Sqrt" | "Reciprocal" | "Exp" | "Log" | "Relu" | "Not"
        | "Sigmoid" => unary(op, inputs.get(0)?)?,
        _ => return Ok(None),
    }))
}

fn fmod(inputs: &Inputs<'_>) -> bool {
    inputs.node.int("fmod") == Some(1)
}

fn binary(op: &str, a: &Tensor, b: &Tensor, fmod: bool) -> Plain<Tensor> {
    let dims = dims::broadcast(&a.dims, &b.dims)?;
    checked_count(&dims)?;
    let (ia, ib) = (broadcast_source(&a.dims, &dims)?, broadcast_source(&b.dims, &dims)?);
    let pairs = ia.iter().zip(&ib);
    let (data, element) = match (&a.data, &b.data) {
        (Data::Floats(x), Data::Floats(y)) => {
            let pairs = pairs.map(|(&i, &j)| (x[i], y[j]));
            match float_comparison(op) {
                Some(f) => (Data::Bools(pairs.map(|(x, y)| f(x, y)).collect()), Element::Bool),
                None => {
                    let f = float_operation(op).ok_or_else(|| format!("{op} of floats"))?;
                    (Data::Floats(pairs.map(|(x, y)| f(x, y)).collect()), a.element)
                }
            }
        }
        (Data::Ints(x), Data::Ints(y)) => {
            let mut pairs = pairs.map(|(&i, &j)| (x[i], y[j]));
            match int_comparison(op) {
                Some(f) => (Data::Bools(pairs.map(|(x, y)| f(x, y)).collect()), Element::Bool),
                None => {
                    let result = pairs.try_fold(Vec::new(), |mut all, (x, y)| {
                        all.push(int_operation(op, x, y, fmod)?);
                        Some(all)
                    });
                    let all = result.ok_or_else(|| format!("{op} of integers overflows or divides by zero"))?;
                    (Data::Ints(all), a.element)
                }
            }
        }
        (Data::Bools(x), Data::Bools(y)) => {
            let f: fn(bool, bool) -> bool = match op {
                "And" => |x, y| x && y,
                "Or" => |x, y| x || y,
                "Equal" => |x, y| x == y,
                _ => return Err(format!("{op} of truth values")),
            };
            (Data::Bools(pairs.map(|(&i, &j)| f(x[i], y[j])).collect()), Element::Bool)
        }
        _ => return Err(format!("{op} of different element types")),
    };
    Ok(Tensor { dims, element, data })
}

fn float_operation(op: &str) -> Option<fn(f32, f32) -> f32> {
    Some(match op {
        "Add" => |x, y| x + y,
        "Sub" => |x, y| x - y,
        "Mul" => |x, y| x * y,
        "Div" => |x, y| x / y,
        "Mod" => |x, y| x % y,
        "Pow" => f32::powf,
        "Min" => f32::min,
        "Max" => f32::max,
        _ => return None,
    })
}

fn float_comparison(op: &str) -> Option<fn(f32, f32) -> bool> {
    Some(match op {
        "Equal" => |x, y| x == y,
        "Less" => |x, y| x < y,
        "LessOrEqual" => |x, y| x <= y,
        "Greater" => |x, y| x > y,
        "GreaterOrEqual" => |x, y| x >= y,
        _ => return None,
    })
}

/// Division cuts towards zero; `Mod` takes the sign of the divisor unless `fmod`.
fn int_operation(op: &str, x: i64, y: i64, fmod: bool) -> Option<i64> {
    match op {
        "Add" => x.checked_add(y),
        "Sub" => x.checked_sub(y),
        "Mul" => x.checked_mul(y),
        "Div" => x.checked_div(y),
        "Mod" if fmod => x.checked_rem(y),
        "Mod" => x.checked_rem(y).map(|r| if r != 0 && (r < 0) != (y < 0) { r + y } else { r }),
        "Pow" => x.checked_pow(u32::try_from(y).ok()?),
        "Min" => Some(x.min(y)),
        "Max" => Some(x.max(y)),
        _ => None,
    }
}

fn int_comparison(op: &str) -> Option<fn(i64, i64) -> bool> {
    Some(match op {
        "Equal" => |x, y| x == y,
        "Less" => |x, y| x < y,
        "LessOrEqual" => |x, y| x <= y,
        "Greater" => |x, y| x > y,
        "GreaterOrEqual" => |x, y| x >= y,
        _ => return None,
    })
}

fn unary(op: &str, x: &Tensor) -> Plain<Tensor> {
    let data = match &x.data {
        Data::Floats(v) => {
            let f: fn(f32) -> f32 = match op {
                "Ceil" => f32::ceil,
                "Floor" => f32::floor,
                "Round" => f32::round_ties_even,
                "Neg" => |x| -x,
                "Abs" => f32::abs,
                "Sqrt" => f32::sqrt,
                "Reciprocal" => f32::recip,
                "Exp" => f32::exp,
                "Log" => f32::ln,
                "Relu" => |x| x.max(0.0),
                "Sigmoid" => |x| 1.0 / (1.0 + (-x).exp()),
                _ => return Err(format!("{op} of floats")),
            };
            Data::Floats(v.iter().map(|&x| f(x)).collect())
        }
        Data::Ints(v) => {
            let f: fn(i64) -> i64 = match op {
                "Neg" => i64::wrapping_neg,
                "Abs" => i64::wrapping_abs,
                "Relu" => |x| x.max(0),
                _ => return Err(format!("{op} of integers")),
            };
            Data::Ints(v.iter().map(|&x| f(x)).collect())
        }
        Data::Bools(v) if op == "Not" => Data::Bools(v.iter().map(|b| !b).collect()),
        Data::Bools(_) => return Err(format!("{op} of truth values")),
    };
    Ok(Tensor { dims: x.dims.clone(), element: x.element, data })
}

fn clip(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let mut result = Tensor::clone(inputs.get(0)?);
    for (index, op) in [(1, "Max"), (2, "Min")] {
        if let Some(bound) = inputs.optional(index) {
            result = binary(op, &result, bound, false)?;
        }
    }
    for (name, op) in [("min", "Max"), ("max", "Min")] {
        if let Some(bound) = inputs.node.float(name) {
            result = binary(op, &result, &Tensor::floats(vec![], vec![bound]), false)?;
        }
    }
    Ok(result)
}

/// `Where(condition, x, y)`.
pub(super) fn select(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let (condition, x, y) = (inputs.get(0)?, inputs.get(1)?, inputs.get(2)?);
    let Data::Bools(which) = &condition.data else {
        return Err("Where without a truth value".into());
    };
    let dims = dims::broadcast(&dims::broadcast(&condition.dims, &x.dims)?, &y.dims)?;
    checked_count(&dims)?;
    let (ic, ix, iy) = (
        broadcast_source(&condition.dims, &dims)?,
        broadcast_source(&x.dims, &dims)?,
        broadcast_source(&y.dims, &dims)?,
    );
    let sources = ic.iter().zip(ix.iter().zip(&iy));
    let data = match (&x.data, &y.data) {
        (Data::Floats(a), Data::Floats(b)) => {
            Data::Floats(sources.map(|(&c, (&i, &j))| if which[c] { a[i] } else { b[j] }).collect())
        }
        (Data::Ints(a), Data::Ints(b)) => {
            Data::Ints(sources.map(|(&c, (&i, &j))| if which[c] { a[i] } else { b[j] }).collect())
        }
        _ => return Err("Where of different element types".into()),
    };
    Ok(Tensor { dims, element: x.element, data })
}

/// Reductions over all axes, as in computing with shapes.
pub(super) fn reduce(inputs: &Inputs<'_>) -> Plain<Tensor> {
    let x = inputs.get(0)?;
    let keep = inputs.node.int("keepdims").unwrap_or(1) == 1;
    let all = match inputs.ints(1, "axes")? {
        Some(list) => dims::axes(&list, x.dims.len())?.len() == x.dims.len(),
        None => true,
    };
    if !all {
        return Err(format!("{} of a constant over some axes", inputs.node.op));
    }
    let dims = if keep { vec![1; x.dims.len()] } else { vec![] };
    let op = match inputs.node.op.as_str() {
        "ReduceProd" => "Mul",
        "ReduceSum" => "Add",
        "ReduceMax" => "Max",
        _ => "Min",
    };
    let empty = || format!("{} of nothing", inputs.node.op);
    let data = match &x.data {
        Data::Floats(v) => {
            let f = float_operation(op).ok_or_else(empty)?;
            Data::Floats(vec![v.iter().copied().reduce(f).ok_or_else(empty)?])
        }
        Data::Ints(v) => {
            let total = v.iter().try_fold(None, |sum: Option<i64>, &x| match sum {
                None => Some(Some(x)),
                Some(sum) => int_operation(op, sum, x, false).map(Some),
            });
            Data::Ints(vec![total.flatten().ok_or_else(empty)?])
        }
        Data::Bools(_) => return Err(format!("{} of truth values", inputs.node.op)),
    };
    Ok(Tensor { dims, element: x.element, data })
}
