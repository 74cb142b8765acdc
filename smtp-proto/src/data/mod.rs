//! The content of a message: dot transparency both ways, and what is done with stray newlines.
//!
//! RFC 5321 4.5.2: a line that begins with a dot gets one more on its way, and a line of one dot ends the data. There is one end of data,
//! CRLF "." CRLF, whose first CRLF is that of the last line or of DATA itself (4.1.1.4).

mod chunk;
mod gather;
mod reader;
mod scan;
mod writer;

pub use chunk::{ChunkNewlines, ChunkReader};
pub use gather::Gather;
pub use reader::{Newlines, Piece, Reader, Repairs};
pub(crate) use scan::{Scan, scan};
pub(crate) use writer::first_stray;
pub use writer::{ContentFault, LineEnds, Stray, Writer};
