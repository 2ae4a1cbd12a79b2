//! JSON as the venue writes it: fields in a stated order.
//!
//! A writer, not a tree: an answer is put together once, in order, into one string.

/// Text that is JSON already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw(pub String);

/// What can be written as a JSON value.
pub trait Render {
    /// Appends the value to `out`.
    fn render(&self, out: &mut String);
}

impl Render for Raw {
    fn render(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Render for str {
    fn render(&self, out: &mut String) {
        out.push('"');
        for c in self.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

impl Render for String {
    fn render(&self, out: &mut String) {
        self.as_str().render(out);
    }
}

impl<T: Render + ?Sized> Render for &T {
    fn render(&self, out: &mut String) {
        (*self).render(out);
    }
}

impl Render for bool {
    fn render(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

macro_rules! render_integers {
    ($($kind:ty),*) => {$(impl Render for $kind {
        fn render(&self, out: &mut String) {
            out.push_str(&self.to_string());
        }
    })*};
}
render_integers!(i32, i64, u8, u16, u32, u64, u128, usize);

impl<T: Render> Render for Option<T> {
    fn render(&self, out: &mut String) {
        match self {
            Some(value) => value.render(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Render> Render for [T] {
    fn render(&self, out: &mut String) {
        out.push('[');
        for (n, value) in self.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            value.render(out);
        }
        out.push(']');
    }
}

impl<T: Render> Render for Vec<T> {
    fn render(&self, out: &mut String) {
        self.as_slice().render(out);
    }
}

impl<T: Render, const N: usize> Render for [T; N] {
    fn render(&self, out: &mut String) {
        self.as_slice().render(out);
    }
}

/// A JSON array of finished values.
#[must_use]
pub fn rows(values: &[Raw]) -> Raw {
    let mut out = String::new();
    values.render(&mut out);
    Raw(out)
}

/// A JSON object being written.
#[derive(Debug)]
pub struct Object(String);

impl Object {
    /// An object without fields.
    #[must_use]
    pub fn new() -> Self {
        Self(String::from("{"))
    }

    /// The object with one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Render) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        value.render(&mut self.0);
        self
    }

    /// The object with one more field where there is a value; without it otherwise.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Render>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The object with the fields of another one after its own.
    #[must_use]
    pub fn followed_by(mut self, other: Object) -> Self {
        if self.0.len() > 1 && other.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&other.0[1..]);
        self
    }

    /// The finished object.
    #[must_use]
    pub fn end(mut self) -> Raw {
        self.0.push('}');
        Raw(self.0)
    }
}

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

/// `fields! { "name": value, ... }`: an [`Object`] with these fields in this order.
macro_rules! fields {
    ($($name:literal : $value:expr),* $(,)?) => {
        $crate::binance::json::Object::new()$(.with($name, $value))*
    };
}
/// `object! { "name": value, ... }`: the finished object.
macro_rules! object {
    ($($name:literal : $value:expr),* $(,)?) => {
        $crate::binance::json::fields! { $($name: $value),* }.end()
    };
}
pub(crate) use {fields, object};

#[cfg(test)]
mod tests {

    #[test]
    fn objects_keep_the_order_of_their_fields() {
        let inner = object! { "b": "x\"y", "a": [1, 2] };
        let whole = fields! { "z": true, "y": inner }.with_some("none", None::<i64>).end();
        assert_eq!(whole.0, r#"{"z":true,"y":{"b":"x\"y","a":[1,2]}}"#);
        assert_eq!(object! {}.0, "{}");
    }
}
