//! The differences that can be named.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident = $name:literal,)+) => {
        /// What is different, as a stable machine code.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $code,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The stable name, in lower case with underscores.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }
        }
    };
}

codes! {
    /// The request follows a deviation that the profile takes in compat mode alone.
    CompatMode = "compat_mode",

    /// The body has a line break at its end that was not signed.
    BodyTrailingNewlineAdded = "body_trailing_newline_added",
    /// A line break was signed that the body lacks at its end.
    BodyTrailingNewlineRemoved = "body_trailing_newline_removed",
    /// The body has white space around it that was not signed.
    BodyOuterWhitespace = "body_outer_whitespace",
    /// LF was signed, and the body has CRLF.
    BodyLfBecameCrlf = "body_lf_became_crlf",
    /// CRLF was signed, and the body has LF.
    BodyCrlfBecameLf = "body_crlf_became_lf",
    /// The body begins with a byte order mark that was not signed.
    BodyBomAdded = "body_bom_added",
    /// A byte order mark was signed that the body lacks.
    BodyBomRemoved = "body_bom_removed",
    /// An empty body was signed.
    BodySignedEmpty = "body_signed_empty",
    /// What a program writes for a value that is not there was signed, such as `undefined`.
    BodyPlaceholder = "body_placeholder",
    /// The same JSON was signed, written in another way.
    BodyJsonReserialised = "body_json_reserialised",
    /// JSON within a JSON string on one side, and bare on the other.
    BodyJsonInString = "body_json_in_string",
    /// The body without its spaces was signed.
    BodySpacesRemoved = "body_spaces_removed",
    /// The body without any white space was signed.
    BodyWhitespaceRemoved = "body_whitespace_removed",
    /// One side read UTF-8 as Latin-1 or Windows-1252 and wrote it as UTF-8 again.
    BodyReadAsLatin1 = "body_read_as_latin1",
    /// One side wrote the text in Latin-1.
    BodyWrittenAsLatin1 = "body_written_as_latin1",
    /// Bytes that are not UTF-8 were replaced by U+FFFD before they were signed.
    BodyInvalidUtf8Replaced = "body_invalid_utf8_replaced",
    /// The body is compressed, and its plain form was signed.
    BodyCompressed = "body_compressed",
    /// The body was inflated on its way, and its compressed form may have been signed.
    BodyInflated = "body_inflated",
    /// The body is base64, and what it stands for was signed.
    BodyBase64Encoded = "body_base64_encoded",
    /// The base64 of the body was signed.
    BodyBase64Decoded = "body_base64_decoded",
    /// The body still has the framing of a chunked transfer.
    BodyChunked = "body_chunked",
    /// The form was signed with another percent-encoding.
    BodyFormEncoding = "body_form_encoding",
    /// The body does not have the length that the request says.
    BodyLengthDiffers = "body_length_differs",
    /// The body is empty.
    BodyIsEmpty = "body_is_empty",
    /// The body holds U+FFFD, which decoders write for bytes that they cannot read.
    BodyReplacementCharacters = "body_replacement_characters",
    /// The signature or a signed value stands in the body, which cannot be read.
    BodyUnreadable = "body_unreadable",
    /// A digest of the body that was signed is that of other bytes.
    BodyDigestDiffers = "body_digest_differs",

    /// A secret has a line break at its end on one side alone.
    SecretTrailingNewline = "secret_trailing_newline",
    /// The secret has white space around it.
    SecretSurroundingWhitespace = "secret_surrounding_whitespace",
    /// The secret has quotes around it.
    SecretSurroundingQuotes = "secret_surrounding_quotes",
    /// The secret has the name of a variable before it.
    SecretAssignment = "secret_assignment",
    /// The secret is percent-encoded on one side alone.
    SecretUrlEncoded = "secret_url_encoded",
    /// The secret has `\n` written out in place of its line breaks.
    SecretEscapedNewlines = "secret_escaped_newlines",
    /// The secret or the token has the name of an authentication scheme before it on one side alone.
    SecretSchemeName = "secret_scheme_name",
    /// The prefix of the secret is missing.
    SecretPrefixMissing = "secret_prefix_missing",
    /// The prefix of the secret was taken off.
    SecretPrefixDropped = "secret_prefix_dropped",
    /// The text of the secret was the key, with nothing taken off or decoded.
    SecretUsedAsText = "secret_used_as_text",
    /// The secret was decoded from base64.
    SecretBase64Decoded = "secret_base64_decoded",
    /// The secret was decoded from hexadecimal.
    SecretHexDecoded = "secret_hex_decoded",
    /// The base64 of the given secret was the key.
    SecretBase64Encoded = "secret_base64_encoded",
    /// The hexadecimal form of the given secret was the key.
    SecretHexEncoded = "secret_hex_encoded",
    /// The secret has other letter case.
    SecretLetterCase = "secret_letter_case",
    /// The sender signed without a secret, or with the text of a missing one.
    SecretUnset = "secret_unset",
    /// Another of the given secrets is the one.
    SecretOther = "secret_other",
    /// The public key is in another form.
    SecretOtherForm = "secret_other_form",
    /// The secret is missing, empty, or not what the profile takes.
    SecretUnusable = "secret_unusable",

    /// The signed parts are separated by something else.
    ContentSeparator = "content_separator",
    /// The timestamp was not signed.
    ContentWithoutTimestamp = "content_without_timestamp",
    /// The delivery id was not signed.
    ContentWithoutId = "content_without_id",
    /// The body alone was signed.
    ContentBodyOnly = "content_body_only",
    /// The signed parts stand in another order.
    ContentOrder = "content_order",
    /// The signed timestamp is written in another format than the one that was sent.
    ContentTimestampFormat = "content_timestamp_format",
    /// The content of another known layout was signed.
    ContentLayout = "content_layout",

    /// The signature is in another encoding.
    SignatureEncoding = "signature_encoding",
    /// The signature is in upper case.
    SignatureUpperCase = "signature_upper_case",
    /// The signature is encoded twice.
    SignatureDoubleEncoded = "signature_double_encoded",
    /// The signature is made with another digest.
    SignatureAlgorithm = "signature_algorithm",
    /// What stands before or around the signature in its header is different.
    SignatureGrammar = "signature_grammar",
    /// The signature stands in another header.
    SignatureInOtherHeader = "signature_in_other_header",
    /// The header of the signature is missing.
    SignatureHeaderMissing = "signature_header_missing",
    /// The header of the signature stands several times.
    SignatureHeaderRepeated = "signature_header_repeated",
    /// The signature has the length of another digest.
    SignatureLength = "signature_length",
    /// The signature is shorter than any digest.
    SignatureTruncated = "signature_truncated",
    /// The signature has a character that its encoding does not have.
    SignatureCharacter = "signature_character",
    /// The signature does not have the form of the profile.
    SignatureMalformed = "signature_malformed",
    /// The algorithm that the message names is not the profile's.
    AlgorithmNotAllowed = "algorithm_not_allowed",

    /// The timestamp lies further back than the tolerance.
    TimestampTooOld = "timestamp_too_old",
    /// The timestamp lies further ahead than the tolerance.
    TimestampTooNew = "timestamp_too_new",
    /// The timestamp is in milliseconds on one side and in seconds on the other.
    TimestampUnit = "timestamp_unit",
    /// The timestamp is off by whole hours, as when a time zone is lost.
    TimestampZone = "timestamp_zone",
    /// The timestamp has another format than the profile's.
    TimestampFormat = "timestamp_format",
    /// The timestamp is missing.
    TimestampMissing = "timestamp_missing",
    /// The timestamp stands in another header.
    TimestampInOtherHeader = "timestamp_in_other_header",

    /// The delivery id is missing.
    IdMissing = "id_missing",
    /// The delivery id holds what separates the signed parts.
    IdMalformed = "id_malformed",
    /// The delivery id stands in another header.
    IdInOtherHeader = "id_in_other_header",

    /// The scheme signs the URL, and none was given.
    UrlMissing = "url_missing",
    /// `http` on one side and `https` on the other.
    UrlScheme = "url_scheme",
    /// Another host was signed.
    UrlHost = "url_host",
    /// The port is written on one side alone.
    UrlPort = "url_port",
    /// A slash at the end of the path on one side alone.
    UrlTrailingSlash = "url_trailing_slash",
    /// The query is missing on one side.
    UrlQuery = "url_query",
    /// The URL was signed with another percent-encoding.
    UrlEncoding = "url_encoding",
    /// The path was signed in place of the whole URL.
    UrlPathOnly = "url_path_only",
    /// Another method was signed.
    MethodDiffers = "method_differs",

    /// The request is signed as another profile has it.
    OtherProfile = "other_profile",
    /// The request is signed as the other scheme of the profile has it: the one for events, or for the challenge.
    OtherPart = "other_part",

    /// A header or field that is needed is missing.
    FieldMissing = "field_missing",
    /// A header or field that stands once stands several times.
    FieldRepeated = "field_repeated",
    /// A claim of the token is not as configured.
    ClaimDiffers = "claim_differs",
    /// There is no signature for the configured key.
    KeyUnknown = "key_unknown",
    /// The key's URL is not one of the profile's.
    KeyUrlUntrusted = "key_url_untrusted",
    /// The signature does not cover what has to be covered.
    CoverageInsufficient = "coverage_insufficient",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'0'..=b'9')))
        );
    }
}
