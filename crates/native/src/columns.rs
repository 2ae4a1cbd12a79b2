//! Arrow columns in and out, by name and type; a wrong one is an error that names it.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int8Type, Int64Type, UInt32Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Decimal128Array, Int8Array, Int64Array, RecordBatch};
use arrow_schema::ArrowError;
use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, PyResult};
use pyo3_arrow::PyTable;
use std::sync::Arc;

/// The columns of one Arrow batch.
pub(crate) struct Columns<'a> {
    batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    pub(crate) const fn of(batch: &'a RecordBatch) -> Self {
        Self { batch }
    }

    fn column(&self, name: &str) -> PyResult<&'a ArrayRef> {
        let found = || self.batch.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>().join(", ");
        self.batch.column_by_name(name).ok_or_else(|| PyValueError::new_err(format!("no column `{name}`; found: {}", found())))
    }

    pub(crate) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub(crate) fn int64(&self, name: &str) -> PyResult<&'a Int64Array> {
        self.column(name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(name, "int64"))
    }

    pub(crate) fn int8(&self, name: &str) -> PyResult<&'a Int8Array> {
        self.column(name)?.as_primitive_opt::<Int8Type>().ok_or_else(|| wrong_type(name, "int8"))
    }

    pub(crate) fn boolean(&self, name: &str) -> PyResult<&'a BooleanArray> {
        self.column(name)?.as_boolean_opt().ok_or_else(|| wrong_type(name, "boolean"))
    }

    /// A column without a single null.
    pub(crate) fn full_int64(&self, name: &str) -> PyResult<&'a [i64]> {
        let array = self.int64(name)?;
        match array.null_count() {
            0 => Ok(array.values()),
            nulls => Err(PyValueError::new_err(format!("column `{name}` has {nulls} nulls; none allowed"))),
        }
    }

    /// A column without a single null.
    pub(crate) fn full_int8(&self, name: &str) -> PyResult<&'a [i8]> {
        let array = self.int8(name)?;
        match array.null_count() {
            0 => Ok(array.values()),
            nulls => Err(PyValueError::new_err(format!("column `{name}` has {nulls} nulls; none allowed"))),
        }
    }
}

/// A column of a table as one vector, without a single null.
fn gathered<T: ArrowPrimitiveType>(batches: &[RecordBatch], name: &str, wanted: &str) -> PyResult<Vec<T::Native>> {
    let mut out = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let array = Columns::of(batch).column(name)?.as_primitive_opt::<T>().ok_or_else(|| wrong_type(name, wanted))?;
        match array.null_count() {
            0 => out.extend_from_slice(array.values()),
            nulls => return Err(PyValueError::new_err(format!("column `{name}` has {nulls} nulls; none allowed"))),
        }
    }
    Ok(out)
}

/// A column of numbers for statistics, whole.
pub(crate) fn all_float64(batches: &[RecordBatch], name: &str) -> PyResult<Vec<f64>> {
    gathered::<Float64Type>(batches, name, "float64")
}

/// A column of counts, whole.
pub(crate) fn all_uint32(batches: &[RecordBatch], name: &str) -> PyResult<Vec<u32>> {
    gathered::<UInt32Type>(batches, name, "uint32")
}

fn wrong_type(name: &str, wanted: &str) -> PyErr {
    PyValueError::new_err(format!("column `{name}` is not {wanted}"))
}

/// A table of one batch.
pub(crate) fn table(columns: Vec<(&str, ArrayRef)>) -> PyResult<PyTable> {
    let failed = |error: ArrowError| PyValueError::new_err(error.to_string());
    let batch = RecordBatch::try_from_iter(columns).map_err(failed)?;
    let schema = batch.schema();
    PyTable::try_new(vec![batch], schema)
}

/// A column of integers.
pub(crate) fn int64s(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

/// A column of integers, some of them missing.
pub(crate) fn optional_int64s(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

/// A column of text.
pub(crate) fn texts(values: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<arrow_array::StringArray>())
}

/// A column of whole numbers that may be larger than 64 bits: decimals of 38 digits.
pub(crate) fn wide_integers(values: impl Iterator<Item = i128>) -> PyResult<ArrayRef> {
    let failed = |error: ArrowError| PyValueError::new_err(error.to_string());
    Ok(Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(38, 0).map_err(failed)?))
}

/// A column of numbers for statistics.
pub(crate) fn floats(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.collect::<arrow_array::Float64Array>())
}
