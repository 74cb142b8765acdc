//! What a client may be asked in each state, and what each reply means to what it answers: two tables that were written from RFC 5321
//! 3.1 to 3.8, 4.1.4, 4.2 and 4.3.2, RFC 2920 3.1, RFC 3030 2, RFC 3207 4 and RFC 4954 4.
//!
//! A column of the first is a state: `N` no hello was said, or it was refused; `H` hello is said; `C` no transaction; `M` one is open;
//! `F` its MAIL is refused; `D` DATA is said; `B` content is due; `K` octets of a chunk are due; `L` another chunk is; `X` a chunk failed;
//! `V` the last one is to be judged; `T` STARTTLS is said; `S` the handshake is due; `A` AUTH is said; `P` a challenge is to be answered;
//! `W` the content failed; `Q` QUIT is said; `O` the session is over. `ok` takes the call, all else is the fault of the caller; of
//! several outcomes what was offered and answered decides.
//!
//! A column of the second is a reply; `250*` is one that offers extensions.

/// The states, in the order of the columns.
pub(super) const STATES: [&str; 18] =
    ["N", "H", "C", "M", "F", "D", "B", "K", "L", "X", "V", "T", "S", "A", "P", "W", "Q", "O"];

pub(super) const CALLS: &str = "
    Hello          ok     NotYet ok                      ok                         ok                      Content Content Content Content ok      ok      NotYet NotYet NotYet NotYet Over Over  Over
    Mail           NotYet NotYet ok                      Order                      ok                      Content Content Content Content Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    Rcpt           NotYet NotYet Order                   ok                         ok                      Content Content Content Content Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    Data           NotYet NotYet Order                   ok                         ok                      Content Content Content Content Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    Body           NotYet NotYet Content                 Content                    Content                 Content ok      ok      Content Content Content NotYet NotYet NotYet NotYet Over Over  Over
    Stray          NotYet NotYet Content                 Content                    Content                 Content Stray   Stray   Content Content Content NotYet NotYet NotYet NotYet Over Over  Over
    Finish         NotYet NotYet Content                 Content                    Content                 Content ok      Content Content Content Content NotYet NotYet NotYet NotYet Over Over  Over
    AbandonBody    -      -      -                       -                          -                       ok      ok      ok      ok      -       -       -      -      -      -      -    -     -
    Reset          NotYet NotYet ok                      ok                         ok                      Content Content Content ok      ok      ok      NotYet NotYet NotYet NotYet Over Over  Over
    Noop           NotYet NotYet ok                      ok                         ok                      Content Content Content Content Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    Quit           ok     ok     ok                      ok                         ok                      Content Content Content ok      ok      ok      NotYet NotYet NotYet NotYet Over Over  Over
    StartTls       NotYet NotYet ok/Order/NotOffered     Order                      ok/Order/NotOffered     Content Content Content Content Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    TlsEstablished -      -      -                       -                          -                       -       -       -       -       -       -       -      ok     -      -      -    -     -
    TlsFailed      ok     ok     ok                      ok                         ok                      ok      ok      ok      ok      ok      ok      ok     ok     ok     ok     -    ok    -
    AuthPlain      NotYet NotYet ok/Order/NotOffered     Order                      ok/Order/NotOffered     Content Content Content Content Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    AuthLogin      NotYet NotYet ok/Order/NotOffered     Order                      ok/Order/NotOffered     Content Content Content Content Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    AuthResponse   Order  Order  Order                   Order                      Order                   Order   Order   Order   Order   Order   Order   Order  Order  Order  ok     Over Order Over
    AuthCancel     Order  Order  Order                   Order                      Order                   Order   Order   Order   Order   Order   Order   Order  Order  Order  ok     Over Order Over
    Chunk          NotYet NotYet NotOffered/NotYet/Order ok/NotOffered/NotYet/Order NotOffered/NotYet/Order Content Content Content ok/Full Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    LastChunk      NotYet NotYet NotOffered/NotYet/Order ok/NotOffered/NotYet/Order NotOffered/NotYet/Order Content Content Content ok/Full Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
    EmptyLastChunk NotYet NotYet NotOffered/NotYet/Order ok/NotOffered/NotYet/Order NotOffered/NotYet/Order Content Content Content ok/Full Order   NotYet  NotYet NotYet NotYet NotYet Over Over  Over
";

/// `tell` tells the reply and goes on; `end` tells it, and the session is over; `bad` cannot answer this. `helo` asks again by HELO,
/// `quit` says QUIT, `body` asks for content, `tls` for a handshake, `ask` for a response.
pub(super) const ANSWERS: &str = "
    greeting  tell bad  bad  bad  bad  bad  bad  bad  end  quit quit quit
    EHLO      bad  bad  bad  tell tell tell bad  bad  end  tell helo tell
    HELO      bad  bad  bad  tell tell tell bad  bad  end  tell tell tell
    LHLO      bad  bad  bad  tell tell tell bad  bad  end  tell tell tell
    MAIL      tell bad  tell tell tell tell bad  bad  end  tell tell tell
    RCPT      tell bad  tell tell tell tell bad  bad  end  tell tell tell
    DATA      bad  bad  bad  bad  bad  bad  bad  body end  tell tell tell
    content   tell bad  tell tell tell tell bad  bad  end  tell tell tell
    dot       tell bad  tell tell tell tell bad  bad  end  tell tell tell
    BDAT      tell bad  tell tell tell tell bad  bad  end  tell tell tell
    BDAT-last tell bad  tell tell tell tell bad  bad  end  tell tell tell
    RSET      tell bad  tell tell tell tell bad  bad  end  end  end  end
    NOOP      tell bad  tell tell tell tell bad  bad  end  tell tell tell
    QUIT      end  end  end  end  end  end  end  end  end  end  end  end
    STARTTLS  tls  bad  bad  bad  bad  bad  bad  bad  end  tell tell tell
    AUTH      bad  bad  tell bad  bad  bad  ask  bad  end  tell tell tell
    cancel    bad  bad  bad  bad  bad  bad  bad  bad  end  tell tell tell
    nothing   uns  uns  uns  uns  uns  uns  uns  uns  una  uns  uns  uns
";

/// The word of a table in this row and column.
pub(super) fn cell(table: &'static str, row: &str, column: usize) -> &'static str {
    let mut rows = table.lines().map(str::split_whitespace);
    let mut words = rows.find_map(|mut words| (words.next() == Some(row)).then_some(words));
    words.as_mut().and_then(|words| words.nth(column)).expect("a cell of the table")
}

/// The names of a table's rows.
pub(super) fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter_map(|line| line.split_whitespace().next())
}
