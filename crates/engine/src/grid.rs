//! A dense two-way table that grows as ids appear. What was never written reads as the default and is neither digested nor kept
//! in a snapshot, so two states with the same contents agree whatever order they grew in.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, Debug, Default)]
pub(crate) struct Grid<T> {
    rows: Vec<Vec<T>>,
}

impl<T: Copy + Default + PartialEq> Grid<T> {
    #[inline]
    pub(crate) fn get(&self, row: usize, column: usize) -> T {
        self.rows.get(row).and_then(|cells| cells.get(column)).copied().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn at(&mut self, row: usize, column: usize) -> &mut T {
        let cells = grown(&mut self.rows, row);
        grown(cells, column)
    }

    /// Cells that are not the default, row by row.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (usize, usize, T)> + '_ {
        self.rows
            .iter()
            .enumerate()
            .flat_map(|(row, cells)| cells.iter().enumerate().map(move |(column, cell)| (row, column, *cell)))
            .filter(|(_, _, cell)| *cell != T::default())
    }

    /// Cells of one row that are not the default.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = (usize, T)> + '_ {
        let cells = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        cells.iter().enumerate().map(|(column, cell)| (column, *cell)).filter(|(_, cell)| *cell != T::default())
    }
}

/// Its cells: (row, column, value).
impl<T: Copy + Default + PartialEq + Serialize> Serialize for Grid<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cells: Vec<(usize, usize, T)> = self.cells().collect();
        cells.serialize(serializer)
    }
}

impl<'de, T: Copy + Default + PartialEq + Deserialize<'de>> Deserialize<'de> for Grid<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut grid = Self { rows: Vec::new() };
        for (row, column, cell) in Vec::<(usize, usize, T)>::deserialize(deserializer)? {
            if row.max(column) > crate::registry::LARGEST_DENSE_ID as usize {
                return Err(D::Error::custom("a cell beyond what a dense table holds"));
            }
            *grid.at(row, column) = cell;
        }
        Ok(grid)
    }
}

/// The cell at `index`, the table grown to hold it.
#[inline]
pub(crate) fn grown<T: Default>(table: &mut Vec<T>, index: usize) -> &mut T {
    if table.len() <= index {
        table.resize_with(index + 1, T::default);
    }
    &mut table[index]
}
