//! What Open311 answers with, in both its forms: XML with a root and named items, JSON by the Spark convention (the root
//! dropped, lists as arrays). One tree is made of each answer and written either way, so the two cannot differ.
//! An empty element is `<x></x>` in XML and `null` in JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde_json::Value;

use crate::time::Timestamp;

/// How an answer is written: by the ending of the address that was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Xml,
    Json,
}

impl Format {
    /// What discovery and `Content-Type` call it, without parameters: the declaration names the encoding.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml",
            Self::Json => "application/json",
        }
    }

    /// `water.burst.json` is `water.burst` in JSON.
    pub(super) fn of_file(name: &str) -> Option<(&str, Self)> {
        match name.rsplit_once('.')? {
            (name, "xml") => Some((name, Self::Xml)),
            (name, "json") => Some((name, Self::Json)),
            _ => None,
        }
    }
}

/// A piece of an answer.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Node {
    Empty,
    Text(String),
    Degrees(f64),
    Count(u64),
    Truth(bool),
    /// The name of an item in XML, and the items.
    List(&'static str, Vec<Node>),
    Record(Vec<(&'static str, Node)>),
}

/// A type that is written field by field; `record!` makes them.
pub(super) trait Record {
    /// What one of them is called in XML.
    const ITEM: &'static str;

    fn fields(&self) -> Vec<(&'static str, Node)>;
}

/// A struct of the answers and the way it is written, from one list of its fields. `item` names it within a list.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident, $item:literal, { $($(#[$note:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, utoipa::ToSchema)]
        pub(in crate::web) struct $name { $($(#[$note])* #[schema(nullable)] pub(in crate::web) $field: $kind,)* }

        impl $crate::web::open311::document::Record for $name {
            const ITEM: &'static str = $item;

            fn fields(&self) -> Vec<(&'static str, $crate::web::open311::document::Node)> {
                vec![$((
                    stringify!($field).trim_start_matches("r#"),
                    $crate::web::open311::document::Written::node(&self.$field),
                ),)*]
            }
        }
    };
}
pub(super) use record;

/// What a field can hold.
pub(super) trait Written {
    fn node(&self) -> Node;
}

impl<T: Record> Written for T {
    fn node(&self) -> Node {
        Node::Record(self.fields())
    }
}

impl<T: Record> Written for Vec<T> {
    fn node(&self) -> Node {
        Node::List(T::ITEM, self.iter().map(Written::node).collect())
    }
}

impl Written for String {
    fn node(&self) -> Node {
        if self.is_empty() { Node::Empty } else { Node::Text(self.clone()) }
    }
}

impl Written for &'static str {
    fn node(&self) -> Node {
        Node::Text((*self).to_owned())
    }
}

impl Written for bool {
    fn node(&self) -> Node {
        Node::Truth(*self)
    }
}

impl Written for u64 {
    fn node(&self) -> Node {
        Node::Count(*self)
    }
}

impl Written for f64 {
    fn node(&self) -> Node {
        Node::Degrees(*self)
    }
}

impl<T: Written> Written for Option<T> {
    fn node(&self) -> Node {
        self.as_ref().map_or(Node::Empty, Written::node)
    }
}

/// A moment as the specification writes it: UTC, without fractions, `2026-11-21T06:38:21Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) struct Moment(pub(in crate::web) Timestamp);

impl Written for Moment {
    fn node(&self) -> Node {
        Node::Text(self.0.utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }
}

impl utoipa::PartialSchema for Moment {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        super::super::view::UtcTime::schema()
    }
}

impl utoipa::ToSchema for Moment {}

/// A list of plain texts, and what each is called in XML; here only the formats of discovery.
#[derive(Clone, Debug, utoipa::ToSchema)]
#[schema(value_type = Vec<String>)]
pub(in crate::web) struct Formats(pub(in crate::web) Vec<&'static str>);

impl Written for Formats {
    fn node(&self) -> Node {
        Node::List("format", self.0.iter().map(Written::node).collect())
    }
}

/// A whole answer.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Document {
    root: &'static str,
    node: Node,
}

impl Document {
    pub(super) fn new(root: &'static str, answer: &impl Written) -> Self {
        Self { root, node: answer.node() }
    }

    pub(super) fn answer(&self, status: StatusCode, format: Format) -> Response {
        let body = match format {
            Format::Xml => self.xml(),
            Format::Json => serde_json::to_vec(&self.node.json()).unwrap_or_default(),
        };
        let content_type = HeaderValue::from_static(format.content_type());
        (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
    }

    fn xml(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        // Writing into memory does not fail.
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)));
        self.node.write(self.root, &mut writer);
        writer.into_inner()
    }
}

impl Node {
    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => Value::from(text.as_str()),
            Self::Degrees(degrees) => Value::from(*degrees),
            Self::Count(count) => Value::from(*count),
            Self::Truth(truth) => Value::from(*truth),
            Self::List(_, items) => items.iter().map(Self::json).collect(),
            Self::Record(fields) => {
                Value::Object(fields.iter().map(|(name, node)| ((*name).to_owned(), node.json())).collect())
            }
        }
    }

    fn write(&self, name: &str, writer: &mut Writer<Vec<u8>>) {
        let _ = writer.write_event(Event::Start(BytesStart::new(name)));
        match self {
            Self::Empty => {}
            Self::Text(text) => drop(writer.write_event(Event::Text(BytesText::new(&writable(text))))),
            Self::Degrees(degrees) => text(&degrees.to_string(), writer),
            Self::Count(count) => text(&count.to_string(), writer),
            Self::Truth(truth) => text(&truth.to_string(), writer),
            Self::List(item, nodes) => nodes.iter().for_each(|node| node.write(item, writer)),
            Self::Record(fields) => fields.iter().for_each(|(name, node)| node.write(name, writer)),
        }
        let _ = writer.write_event(Event::End(BytesEnd::new(name)));
    }
}

fn text(text: &str, writer: &mut Writer<Vec<u8>>) {
    let _ = writer.write_event(Event::Text(BytesText::new(text)));
}

/// What XML 1.0 has no way to write (2.2, `Char`) is replaced.
fn writable(text: &str) -> String {
    let is_writable =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    text.chars().map(|c| if is_writable(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    record!(Lamp, "lamp", {
        code: String,
        r#type: &'static str,
        broken: bool,
        lat: Option<f64>,
        seen: Moment,
        colours: Vec<Colour>,
    });
    record!(Colour, "colour", { name: String, });

    fn lamps() -> Document {
        let colours = vec![Colour { name: "red & <blue>\u{0}".to_owned() }, Colour { name: String::new() }];
        let seen = Moment(Timestamp::from_micros(1_795_243_101_250_999));
        let lamp =
            Lamp { code: "7".to_owned(), r#type: "street", broken: true, lat: Some(50.5), seen, colours };
        Document::new("lamps", &vec![lamp])
    }

    #[test]
    fn xml_has_a_declaration_a_root_and_an_element_for_everything() {
        assert_eq!(
            String::from_utf8(lamps().xml()).unwrap(),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><lamps><lamp><code>7</code><type>street</type>\
             <broken>true</broken><lat>50.5</lat><seen>2026-11-21T06:38:21Z</seen><colours><colour><name>\
             red &amp; &lt;blue&gt;\u{fffd}</name></colour><colour><name></name></colour></colours></lamp></lamps>"
        );
    }

    #[test]
    fn json_drops_the_root_and_keeps_booleans_numbers_and_arrays() {
        assert_eq!(
            lamps().node.json(),
            serde_json::json!([{ "code": "7", "type": "street", "broken": true, "lat": 50.5,
                "seen": "2026-11-21T06:38:21Z", "colours": [{ "name": "red & <blue>\u{0}" }, { "name": null }] }])
        );
    }

    #[test]
    fn the_ending_of_an_address_says_the_format() {
        assert_eq!(Format::of_file("water.burst.json"), Some(("water.burst", Format::Json)));
        assert_eq!(Format::of_file("a.xml"), Some(("a", Format::Xml)));
        assert_eq!(Format::of_file("a.html"), None);
        assert_eq!(Format::of_file("a"), None);
    }
}
