#!/usr/bin/env python3
"""unicode.py - finds out by experiment which characters Hugging Face's tokenizers take for what, over all of Unicode.

Writes src/token/tok_unicode_tables.h, what PCRE2 and utf8proc have otherwise, and unicode.json, fingerprints of all that
was found. Recorded with tokenizers 0.23.3: its regular expressions know Unicode 16, lower case and digits 17, normal
forms and accents 10, punctuation 8; beside PCRE2 10.42 (Unicode 14) and utf8proc 2.8 (15)."""
import ctypes, ctypes.util, json, os
from tokenizers import Regex, normalizers, pre_tokenizers

here = os.path.dirname(os.path.abspath(__file__))
CPS = [c for c in range(1, 0x110000) if not 0xd800 <= c < 0xe000]
CATS = 'Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn'.split()
SCRIPTS = 'Han Hiragana Katakana Latin Common Inherited Cyrillic Arabic Hangul Thai Devanagari'.split()
PROPS = CATS + ['Alphabetic', 'Uppercase', 'Lowercase'] + SCRIPTS

def fnv(h, data):
    for b in data:
        h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
    return h

def fingerprint(cps):
    h = 0xcbf29ce484222325
    for c in sorted(cps):
        h = fnv(h, c.to_bytes(4, 'little'))
    return '%016x' % h

def reference(pattern):
    """All characters that match, one by one."""
    r, found = normalizers.Replace(Regex(pattern), '\0'), set()
    for k in range(0, len(CPS), 20000):
        chunk = CPS[k:k + 20000]
        found.update(c for c, x in zip(chunk, r.normalize_str(''.join(map(chr, chunk)))) if x == '\0')
    return found

pcre = ctypes.CDLL(ctypes.util.find_library('pcre2-8'))
for f in ('pcre2_compile_8', 'pcre2_match_data_create_8', 'pcre2_get_ovector_pointer_8'):
    getattr(pcre, f).restype = ctypes.c_void_p
ALL = ''.join(map(chr, CPS)).encode()

def offsets():
    at, out = 0, {}
    for c in CPS:
        out[at] = c
        at += len(chr(c).encode())
    return out

AT = offsets()

def library(pattern):
    """The same by PCRE2."""
    e, at = ctypes.c_int(), ctypes.c_size_t()
    p = pattern.encode()
    code = pcre.pcre2_compile_8(p, len(p), 0x00080000 | 0x00020000, ctypes.byref(e), ctypes.byref(at), None)
    assert code, pattern
    m = pcre.pcre2_match_data_create_8(1, None)
    at, found = 0, set()
    while pcre.pcre2_match_8(ctypes.c_void_p(code), ALL, len(ALL), ctypes.c_size_t(at), 0x40000000,
                             ctypes.c_void_p(m), None) > 0:
        v = ctypes.cast(pcre.pcre2_get_ovector_pointer_8(ctypes.c_void_p(m)), ctypes.POINTER(ctypes.c_size_t))
        start, at = v[0], v[1]
        while start < at:
            found.add(AT[start])
            start += len(chr(AT[start]).encode())
    return found

def vectors(sets):
    out = {}
    for i, s in enumerate(sets):
        for c in s:
            out[c] = out.get(c, 0) | 1 << i
    return out

ref_sets = [reference(r'\p{%s}' % p) for p in PROPS]
lib_sets = [library(('\\p{sc:%s}+' if p in SCRIPTS else r'\p{%s}+') % p) for p in PROPS]
ref, lib = vectors(ref_sets), vectors(lib_sets)
scripts = sum(1 << i for i, p in enumerate(PROPS) if p in SCRIPTS)
size = lambda c: len(chr(c).encode())

# A character that the two take for different things is looked at as another one, of equally many bytes, that is
# everywhere what the reference takes this one for (of the same script where there is one such).
best = {}
for c in CPS:
    if c >= 0x80 and not 0x3000 <= c < 0xa000 and ref.get(c) == lib.get(c):
        for mask in (0, scripts):
            best.setdefault((size(c), ref[c] & ~mask, mask), c)
stand_in = []
for c in CPS:
    if ref.get(c) == lib.get(c):
        continue
    other = best.get((size(c), ref[c], 0)) or best[size(c), ref[c] & ~scripts, scripts]
    if stand_in and stand_in[-1][1] == c - 1 and stand_in[-1][2] == other:
        stand_in[-1][1] = c
    else:
        stand_in.append([c, c, other])

# Rust's own tables
cat = dict(zip(CATS, ref_sets))
unassigned = cat['Cn']
def cut(p):
    return {c for c in CPS if len(p.pre_tokenize_str('a' + chr(c) + 'a')) > 1}
digits = cut(pre_tokenizers.Digits(True))
punctuation = cut(pre_tokenizers.Punctuation())
word = {c for c in CPS if len(pre_tokenizers.Whitespace().pre_tokenize_str('a' + chr(c) + 'a')) == 1}
strip = normalizers.StripAccents()
marks = {c for c in CPS if strip.normalize_str('a' + chr(c)) == 'a'}
lower = {c: normalizers.Lowercase().normalize_str(chr(c)) for c in CPS}

def ranges(cps, fill=frozenset()):
    out = []
    for c in sorted(cps):
        if out and all(x in fill for x in range(out[-1][1] + 1, c)) and c - out[-1][1] <= 64:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out

def category_of(*names):
    return set().union(*[cat[n] for n in names])

utf8 = ctypes.CDLL(ctypes.util.find_library('utf8proc'))
def lib_lower(c):
    return chr(utf8.utf8proc_tolower(c))
lower_rows = []
for c in CPS:
    if len(lower[c]) == 1 and lib_lower(c) != lower[c]:
        d = ord(lower[c]) - c
        if lower_rows and lower_rows[-1][1] == c - 1 and lower_rows[-1][2] == d:
            lower_rows[-1][1] = c
        else:
            lower_rows.append([c, c, d])

# Normal forms: characters that the reference leaves alone and that have none to do with their neighbours
class Property(ctypes.Structure):
    _fields_ = [('category', ctypes.c_int16), ('combining_class', ctypes.c_int16)]
utf8.utf8proc_get_property.restype = ctypes.POINTER(Property)
free = ctypes.CDLL(None).free
def lib_form(c, options):
    out = ctypes.c_void_p()
    s = chr(c).encode()
    n = utf8.utf8proc_map(s, len(s), ctypes.byref(out), options | 2)
    text = ctypes.string_at(out, n).decode()
    free(out)
    return text
forms = {'NFC': 8, 'NFD': 16, 'NFKC': 12, 'NFKD': 20}
form = {n: getattr(normalizers, n)() for n in forms}
D, E = '\u0315', '\u0334' # of classes 232 and 1
def is_starter(c):
    n = form['NFD'].normalize_str
    return n('a' + chr(c) + E) != 'a' + E + chr(c) and n('a' + D + chr(c)) != 'a' + chr(c) + D
inert = {c for c in CPS for n, o in forms.items() if lib_form(c, o) != form[n].normalize_str(chr(c))}
inert |= {c for c in CPS if utf8.utf8proc_get_property(c).contents.combining_class and form['NFD'].normalize_str(chr(c)) == chr(c)
          and is_starter(c)}
inert |= {0x11930, 0x11935} # the parts of U+11938
for a, b in ((0x105c0, 0x105f3), (0x11380, 0x113e2), (0x16100, 0x16139), (0x16d40, 0x16d79), (0x1ccd6, 0x1ccf9), (0x10d69, 0x10d6d),
             (0x897, 0x897), (0x10efc, 0x10efc), (0x1e5ee, 0x1e5ef), (0xa7f1, 0xa7f1)): # Unicode 16 and 17, for a utf8proc that knows them
    inert.update(range(a, b + 1))
assert all(form[n].normalize_str(chr(c)) == chr(c) for c in inert for n in forms) and all(is_starter(c) for c in inert)

def table(type_, name, v, comment):
    body = ''
    line = '   '
    for r in v:
        x = ' {' + ', '.join('0x%x' % y if y >= 0 else '-0x%x' % -y for y in r) + '},'
        if len(line + x) > 100:
            body += line + '\n'
            line = '   '
        line += x
    return '/* %s */\nstatic const struct %s %s[] = {\n%s%s\n};\n' % (comment, type_, name, body, line)

with open(here + '/../../src/token/tok_unicode_tables.h', 'w') as f:
    f.write('''/* tok_unicode_tables.h - where the characters of Hugging Face's tokenizers are not those of PCRE2 and
 * utf8proc; for tok_unicode.c only. Written by tests/tokenizer/unicode.py.
 *
 * The tables hold for older and newer libraries, too: what a library knows by itself is the same. */
/* clang-format off */
''')
    f.write(table('stand_in', 'stand_ins', stand_in, 'Unicode 16 for regular expressions: looked at as'))
    f.write(table('range', 'digits_17', ranges(digits - category_of('Nd', 'Nl', 'No')), 'numeric since Unicode 17'))
    known = category_of('Pc', 'Pd', 'Ps', 'Pe', 'Pi', 'Pf', 'Po')
    f.write(table('range', 'no_punctuation', ranges(known - punctuation, unassigned), 'punctuation, but not in Unicode 8'))
    f.write(table('range', 'punctuation_8', ranges({c for c in punctuation - known if c >= 0x80}), 'punctuation in Unicode 8 only'))
    known = category_of('Mn', 'Mc', 'Me')
    f.write(table('range', 'no_mark', ranges(known - marks, unassigned), 'marks, but not in Unicode 10'))
    f.write(table('range', 'mark_10', ranges(marks - known), 'marks in Unicode 10 only'))
    f.write(table('lower', 'lowers', lower_rows, 'small forms since Unicode 14, by distance'))
    f.write(table('range', 'inert', ranges(inert, unassigned), 'left alone by normal forms'))
    f.write('/* clang-format on */\n')

# A few characters of other scripts (79) have no older one of the same script and kind.
KEPT = [p for p in PROPS if p not in SCRIPTS] + ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Thai']
prints = {p: fingerprint(s) for p, s in zip(PROPS, ref_sets) if p in KEPT}
prints.update(digits=fingerprint(digits), punctuation=fingerprint(punctuation), word=fingerprint(word), marks=fingerprint(marks))
text = ''.join(lower[c] + '\n' for c in CPS)
prints['lowercase'] = '%016x' % fnv(0xcbf29ce484222325, text.encode())
for n in forms:
    h = 0xcbf29ce484222325
    for c in CPS:
        h = fnv(h, form[n].normalize_str('a' + D + chr(c) + E + '\u0301\n').encode())
    prints[n] = '%016x' % h
json.dump(prints, open(here + '/unicode.json', 'w'), indent=1)
