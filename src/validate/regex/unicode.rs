//! The Unicode groups that RE2 knows by name, as `\p{Greek}`; unlike other engines it knows no
//! properties, no long names and no other spelling. Of each, Envoy's RE2 takes what is in Latin-1.

/// What a group holds of Latin-1, as it stands in brackets: nothing for most scripts. `None` where RE2
/// knows no such group.
pub(super) fn latin1(name: &str) -> Option<&'static str> {
    let held = LATIN1.iter().find(|(group, _)| *group == name);
    match held {
        Some((_, ranges)) => Some(ranges),
        None => {
            let known = EMPTY_CATEGORIES.contains(&name) || SCRIPTS.binary_search(&name).is_ok();
            known.then_some("")
        }
    }
}

/// The groups that hold some of Latin-1, as RE2 itself tells when asked for each byte.
const LATIN1: &[(&str, &str)] = &[
    ("Any", r"\x00-\xFF"),
    ("C", r"\x00-\x1F\x7F-\x9F\xAD"),
    ("Cc", r"\x00-\x1F\x7F-\x9F"),
    ("Cf", r"\xAD"),
    ("L", r"A-Za-z\xAA\xB5\xBA\xC0-\xD6\xD8-\xF6\xF8-\xFF"),
    ("Ll", r"a-z\xB5\xDF-\xF6\xF8-\xFF"),
    ("Lo", r"\xAA\xBA"),
    ("Lu", r"A-Z\xC0-\xD6\xD8-\xDE"),
    ("N", r"0-9\xB2\xB3\xB9\xBC-\xBE"),
    ("Nd", r"0-9"),
    ("No", r"\xB2\xB3\xB9\xBC-\xBE"),
    ("P", r"!-#%-\*,-/:;?@\[-\]_\{\}\xA1\xA7\xAB\xB6\xB7\xBB\xBF"),
    ("Pc", r"_"),
    ("Pd", r"\-"),
    ("Pe", r"\)\]\}"),
    ("Pf", r"\xBB"),
    ("Pi", r"\xAB"),
    ("Po", r"!-#%-'\*,\./:;?@\\\xA1\xA7\xB6\xB7\xBF"),
    ("Ps", r"\(\[\{"),
    (
        "S",
        r"\$\+<->\^`\|\~\xA2-\xA6\xA8\xA9\xAC\xAE-\xB1\xB4\xB8\xD7\xF7",
    ),
    ("Sc", r"\$\xA2-\xA5"),
    ("Sk", r"\^`\xA8\xAF\xB4\xB8"),
    ("Sm", r"\+<->\|\~\xAC\xB1\xD7\xF7"),
    ("So", r"\xA6\xA9\xAE\xB0"),
    ("Z", r"\x20\xA0"),
    ("Zs", r"\x20\xA0"),
    ("Common", r"\x00-@\[-`\{-\xA9\xAB-\xB9\xBB-\xBF\xD7\xF7"),
    ("Latin", r"A-Za-z\xAA\xBA\xC0-\xD6\xD8-\xF6\xF8-\xFF"),
];

const EMPTY_CATEGORIES: &[&str] = &[
    "Co", "Cs", "Lm", "Lt", "M", "Mc", "Me", "Mn", "Nl", "Zl", "Zp",
];

#[rustfmt::skip]
const SCRIPTS: &[&str] = &[
    "Adlam", "Ahom", "Anatolian_Hieroglyphs", "Arabic", "Armenian", "Avestan", "Balinese",
    "Bamum", "Bassa_Vah", "Batak", "Bengali", "Bhaiksuki", "Bopomofo", "Brahmi", "Braille",
    "Buginese", "Buhid", "Canadian_Aboriginal", "Carian", "Caucasian_Albanian", "Chakma",
    "Cham", "Cherokee", "Chorasmian", "Coptic", "Cuneiform", "Cypriot",
    "Cypro_Minoan", "Cyrillic", "Deseret", "Devanagari", "Dives_Akuru", "Dogra", "Duployan",
    "Egyptian_Hieroglyphs", "Elbasan", "Elymaic", "Ethiopic", "Georgian", "Glagolitic",
    "Gothic", "Grantha", "Greek", "Gujarati", "Gunjala_Gondi", "Gurmukhi", "Han", "Hangul",
    "Hanifi_Rohingya", "Hanunoo", "Hatran", "Hebrew", "Hiragana", "Imperial_Aramaic",
    "Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian", "Javanese", "Kaithi",
    "Kannada", "Katakana", "Kawi", "Kayah_Li", "Kharoshthi", "Khitan_Small_Script", "Khmer",
    "Khojki", "Khudawadi", "Lao", "Lepcha", "Limbu", "Linear_A", "Linear_B", "Lisu",
    "Lycian", "Lydian", "Mahajani", "Makasar", "Malayalam", "Mandaic", "Manichaean",
    "Marchen", "Masaram_Gondi", "Medefaidrin", "Meetei_Mayek", "Mende_Kikakui",
    "Meroitic_Cursive", "Meroitic_Hieroglyphs", "Miao", "Modi", "Mongolian", "Mro", "Multani",
    "Myanmar", "Nabataean", "Nag_Mundari", "Nandinagari", "New_Tai_Lue", "Newa", "Nko",
    "Nushu", "Nyiakeng_Puachue_Hmong", "Ogham", "Ol_Chiki", "Old_Hungarian", "Old_Italic",
    "Old_North_Arabian", "Old_Permic", "Old_Persian", "Old_Sogdian", "Old_South_Arabian",
    "Old_Turkic", "Old_Uyghur", "Oriya", "Osage", "Osmanya", "Pahawh_Hmong", "Palmyrene",
    "Pau_Cin_Hau", "Phags_Pa", "Phoenician", "Psalter_Pahlavi", "Rejang", "Runic",
    "Samaritan", "Saurashtra", "Sharada", "Shavian", "Siddham", "SignWriting", "Sinhala",
    "Sogdian", "Sora_Sompeng", "Soyombo", "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog",
    "Tagbanwa", "Tai_Le", "Tai_Tham", "Tai_Viet", "Takri", "Tamil", "Tangsa", "Tangut",
    "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Tirhuta", "Toto", "Ugaritic", "Vai",
    "Vithkuqi", "Wancho", "Warang_Citi", "Yezidi", "Yi", "Zanabazar_Square",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_are_sorted() {
        assert!(SCRIPTS.is_sorted());
    }
}
