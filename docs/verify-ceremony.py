#!/usr/bin/env python3
"""Verify a trustkeyd ceremony from its bundle alone, offline.

    python3 verify-ceremony.py [--json] BUNDLE...

Needs Python 3.11 (or newer) and the openssl program; no network, no clock, no trustkeyd. Written from
formats/ceremony-plan.md, formats/ceremony-bundle.md and formats/metadata.md beside this file. It shares no code with
trustkeyd, so that a mistake would have to be made twice. It goes through the bundle in the order of ceremony-bundle.md,
"The verdict", and stops at the first thing that is wrong.

Exit status 0: all of it holds. 7: it doesn't. 2: wrong usage.

What it can't tell: whether this is the plan that was approved (compare the hash it prints), and whether the cards that
attest their keys are Yubico's (`trustkey ceremony verify` knows Yubico's roots).
"""

import base64
import binascii
import functools
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import tomllib
from datetime import datetime, timedelta


class Refused(Exception):
    """Something is not as it must be."""


def check(condition, text):
    if not condition:
        raise Refused(text)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def show(text):
    """A stranger's text in a message: ASCII, not long."""
    return ascii(text)[:80]


# ---- Values and their forms (ceremony-plan.md, "Form") ---------------------------------------------------------------

INVISIBLE = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
ALGORITHMS = "p256|p384|rsa2048|rsa3072|rsa4096"
LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
HOST = rf"(?:{LABEL}(?:\.{LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?"
TYPES = {"number": int, "object": dict, "list": list, "string": str, "boolean": bool, "null": type(None)}
PATTERNS = {
    "name": "[a-z0-9][a-z0-9-]{0,63}",
    "token": "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
    "serial": "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}",
    "hash": "[0-9a-f]{64}",
    "slot": "[0-9a-f]{2}",
    # A registry (with a dot or a port, or localhost) and a path, as docker normalises it.
    "gun": rf"(?=localhost/|[^/]*[.:]){HOST}(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+",
}


def has_form(value, form):
    """`form` is one of PATTERNS, a type below, or a choice such as "new|kept"."""
    if form in TYPES:
        return type(value) is TYPES[form]
    if not isinstance(value, str) or len(value.encode()) > 1024 or INVISIBLE.search(value):
        return False
    if form == "time":
        return moment(value) is not None
    if form in PATTERNS:
        return re.fullmatch(PATTERNS[form], value) is not None and (form != "gun" or len(value) <= 255)
    return value != "" if form == "text" else form == "note" or value in form.split("|")


def fields(value, spec, what):
    """An object with exactly these fields: "name:form other?:form", the one with ? may be absent."""
    check(isinstance(value, dict), f"{what} is no object")
    forms = dict(word.split(":") for word in spec.split())
    for name in value:
        check(name in forms or f"{name}?" in forms, f"{what}: the field {show(name)} is unknown")
    for name, form in forms.items():
        if name.rstrip("?") in value or not name.endswith("?"):
            check(name.rstrip("?") in value, f"{what}: {name} is missing")
            check(has_form(value[name.rstrip("?")], form), f"{what}: {name.rstrip('?')} is no {form}")
    return value


def moment(text):
    match = re.fullmatch("([2-9][0-9]{3})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", text)
    try:
        return datetime(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def from_base64(text, what):
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        data = b""
    check(data and base64.b64encode(data).decode() == text, f"{what} is not base64 in its one form")
    return data


# ---- JSON that means one thing only, in its canonical form (metadata.md, "A body") -----------------------------------


def whole_number(text):
    if text == "-0" or len(text) > 17 or abs(int(text)) >= 2**53:
        raise ValueError("a number is too large, or -0")
    return int(text)


def refuse_number(text):
    raise ValueError(f"{text} is no whole number")


def refuse_twice(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name is given twice")
    return dict(pairs)


def canonical(value, depth=33):
    """Names sorted by their UTF-8 bytes (Python's order, of code points, is the same), no space, only " and \\ escaped."""
    if isinstance(value, (dict, list)) and depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name], depth - 1)}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(member, depth - 1) for member in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)


def parse_json(data):
    hooks = {"object_pairs_hook": refuse_twice, "parse_int": whole_number}
    hooks |= {"parse_float": refuse_number, "parse_constant": refuse_number}
    try:
        value = json.loads(data.decode("utf-8"), **hooks)
        return value, canonical(value).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refused(f"it is not JSON of one meaning: {show(str(error))}") from None


def parse_canonical(data):
    value, written = parse_json(data)
    check(written == data, "it is not written as canonical JSON")
    return value


# ---- DER, certificates and keys (RFC 5280, X.690) --------------------------------------------------------------------

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET = 0x01, 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
COMMON_NAME, KEY_USAGE, BASIC_CONSTRAINTS, EXT_KEY_USAGE = "550403", "551d0f", "551d13", "551d25"
VERSION_3 = bytes.fromhex("a003020102")
# https://developers.yubico.com/PIV/Introduction/PIV_attestation.html
YUBICO = "2b0601040182c40a03"  # 1.3.6.1.4.1.41482.3
SIGNATURES = {f"2a8648ce3d04030{n}": f"sha{size}" for n, size in ((2, 256), (3, 384), (4, 512))}
SIGNATURES |= {f"2a864886f70d01010{n}": f"sha{size}" for n, size in (("b", 256), ("c", 384), ("d", 512))}
OUTDATED = ["2a864886f70d010102", "2a864886f70d010104", "2a864886f70d010105", "2b0e03021d", "2a8648ce380403", "2a8648ce3d0401"]
# A curve is y² = x³ - 3x + b modulo p (SEC 2): its name, the bytes of a coordinate, p, b. By the DER of AlgorithmIdentifier.
P256 = ("p256", 32, 2**256 - 2**224 + 2**192 + 2**96 - 1, 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B)
P384_B = "B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF"
P384 = ("p384", 48, 2**384 - 2**128 - 2**96 + 2**32 - 1, int(P384_B, 16))
P521_B = "51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00"
P521 = ("p521", 66, 2**521 - 1, int(P521_B, 16))
EC_KEYS = {"301306072a8648ce3d020106082a8648ce3d030107": P256, "301006072a8648ce3d020106052b81040022": P384}
EC_KEYS["301006072a8648ce3d020106052b81040023"] = P521
RSA_KEY = bytes.fromhex("300d06092a864886f70d0101010500")
ED25519_KEY = bytes.fromhex("302a300506032b6570032100")


def elements(data):
    """The DER elements that `data` is made of: (tag, content, all of it)."""
    found, at = [], 0
    while at < len(data):
        check(len(data) >= at + 2 and data[at] & 0x1F != 0x1F, "DER is malformed")
        length, start = data[at + 1], at + 2
        if length >= 0x80:
            size = length - 0x80
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
            check(1 <= size <= 3 and length >= max(0x80, 1 << 8 * (size - 1)), "DER has a length that is not the shortest")
        check(len(data) >= start + length, "DER ends too early")
        found.append((data[at], data[start : start + length], data[at : start + length]))
        at = start + length
    return found


def inside(data, least=0, tag=SEQUENCE, most=None):
    """What is inside the one element that `data` is."""
    outer = elements(data)
    check(len(outer) == 1 and outer[0][0] == tag, "DER has another structure than expected")
    inner = elements(outer[0][1])
    check(least <= len(inner) <= (most or len(inner)), "DER has another structure than expected")
    return inner


def oid_of(element):
    """As hex. Each number in it is in its shortest form."""
    tag, content, _ = element
    good = tag == OID and re.fullmatch(rb"(?:(?!\x80)[\x80-\xff]*[\0-\x7f])+", content)
    check(good, "an object identifier is malformed")
    return content.hex()


def check_integer(element, least=None):
    tag, content, _ = element
    number = int.from_bytes(content, "big", signed=True)
    shortest = content and len(content) == ((number + (number < 0)).bit_length() + 8) // 8
    check(tag == INTEGER and shortest and (least is None or number >= least), "a number is malformed")


def date_of(element):
    tag, text = element[0], element[1].decode("latin-1")
    check(re.fullmatch({0x17: "[0-9]{12}Z", 0x18: "[0-9]{14}Z"}.get(tag, "-"), text), "a certificate's date is malformed")
    if tag == 0x17:  # UTCTime
        text = ("20" if text[:2] < "50" else "19") + text
    try:
        return datetime(*map(int, re.findall("^[0-9]{4}|[0-9]{2}", text)))
    except ValueError:
        raise Refused("a certificate's date does not exist") from None


def text_of(element):
    """UTF8String, PrintableString, IA5String or BMPString."""
    try:
        text = element[1].decode({0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x1E: "utf-16-be"}[element[0]])
        check(element[0] != 0x1E or len(element[1]) == 2 * len(text), "a certificate's name is no UCS-2")
        return text
    except (KeyError, UnicodeDecodeError):
        raise Refused("a certificate's name is neither UTF-8 nor ASCII") from None


def check_boolean(element):
    check(element[0] == BOOLEAN and element[1] in (b"\0", b"\xff"), "a yes or no is malformed")


def check_parameters(found, depth=4):
    """Of a signature's algorithm: none, NULL, or what RSASSA-PSS has."""
    for element in found:
        if element[0] == OID:
            oid_of(element)
        elif element[0] == INTEGER:
            check_integer(element)
        elif depth and (element[0] == SEQUENCE or element[0] & 0xFC == 0xA0):
            check_parameters(elements(element[1]), depth - 1)
        else:
            check(element[:2] == (0x05, b""), "a parameter of a signature's algorithm is malformed")


class Certificate:
    """X.509, in the one shape of ceremony-bundle.md, "A certificate"."""

    def __init__(self, der):
        tbs, algorithm, signature = inside(der, 3, most=3)
        check(signature[0] == BIT_STRING and signature[1][:1] == b"\0", "a certificate's signature is malformed")
        self.der, self.tbs, self.signature = der, tbs[2], signature[1][1:]
        parts = inside(tbs[2])
        if parts and parts[0][0] == 0xA0:
            check(parts.pop(0)[2] == VERSION_3, "a certificate is not of version 3")
        check(6 <= len(parts) <= 7 and parts[1][2] == algorithm[2], "a certificate is malformed")
        check_integer(parts[0])
        kind, *parameters = inside(algorithm[2], 1)
        self.algorithm = oid_of(kind)
        check_parameters(parameters)
        self.issuer, self.subject, self.spki = parts[2][2], parts[4][2], parts[5][2]
        self.begins, self.ends = (date_of(element) for element in inside(parts[3][2], 2, most=2))
        self.names_in(self.issuer)
        self.name = ([text for kind, text in self.names_in(self.subject) if kind == COMMON_NAME] or [""])[-1]
        self.key_kind = algorithm_of(self.spki)
        self.extensions, self.is_authority = {}, False
        for extension in inside(inside(parts[6][2], 1, 0xA3, 1)[0][2]) if len(parts) > 6 else []:
            items = inside(extension[2], 2, most=3)
            name = oid_of(items[0])
            check(name not in self.extensions and items[-1][0] == OCTET_STRING, "an extension is malformed, or there twice")
            if len(items) == 3:
                check_boolean(items[1])
            self.extensions[name] = items[-1][1]
        self.check_extensions()

    @staticmethod
    def names_in(name):
        attributes = [inside(pair[2], 2, most=2) for relative in inside(name) for pair in inside(relative[2], tag=SET)]
        return [(oid_of(kind), text_of(value)) for kind, value in attributes]

    def check_extensions(self):
        """Those that some readers look into."""
        if BASIC_CONSTRAINTS in self.extensions:
            basic = inside(self.extensions[BASIC_CONSTRAINTS])
            if basic and basic[0][0] == BOOLEAN:
                check_boolean(basic[0])
                self.is_authority = basic.pop(0)[1] == b"\xff"
            check(len(basic) <= 1, "basic constraints are malformed")
            for length in basic:
                check_integer(length, least=0)
        if KEY_USAGE in self.extensions:
            usage = elements(self.extensions[KEY_USAGE])
            good = len(usage) == 1 and usage[0][0] == BIT_STRING and 2 <= len(usage[0][1]) <= 3 and usage[0][1][0] <= 7
            check(good, "a key usage is malformed")
        for usage in inside(self.extensions.get(EXT_KEY_USAGE, b"\x30\0")):
            oid_of(usage)

    def check_signed_by(self, issuer):
        check(self.issuer == issuer.subject, "a certificate names another issuer")
        check(self.algorithm in SIGNATURES, "a certificate is signed with an outdated or unknown algorithm")
        good = openssl_verifies(issuer.spki, self.tbs, self.signature, SIGNATURES[self.algorithm])
        check(good, "a certificate's signature is wrong")

    def check_dates(self, when):
        check(self.begins - when <= timedelta(days=1) and when <= self.ends, f"a certificate is not valid at {when}")


def unwrapped(value):
    """The bytes of an extension, which some cards wrap in an OCTET STRING once more."""
    return value[2:] if value[:2] == bytes([OCTET_STRING, len(value) - 2 & 0xFF]) else value


def pem(label, der):
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


@functools.cache
def certificates_in(text):
    found = re.findall(rb"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n", text)
    ders = [from_base64(body.decode().replace("\n", ""), "a certificate") for body in found]
    written = b"".join(pem("CERTIFICATE", der) for der in ders)
    check(1 <= len(ders) <= 20 and written == text and len(text) <= 2**18, "it is no list of PEM certificates alone, with 64 columns")
    return [Certificate(der) for der in ders]


@functools.cache
def openssl_verifies(spki, message, signature, digest="sha256", *options):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "signature", "message")]
        for path, content in zip(paths, (pem("PUBLIC KEY", spki), signature, message)):
            with open(path, "wb") as file:
                file.write(content)
        command = ["dgst", f"-{digest}", "-verify", paths[0], "-signature", paths[1], *options]
        if digest is None:  # Ed25519 signs the message itself
            command = ["pkeyutl", "-verify", "-pubin", "-inkey", paths[0], "-rawin", "-sigfile", paths[1], "-in"]
        done = subprocess.run(["openssl", *command, paths[2]], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        return done.returncode == 0


def algorithm_of(spki):
    """p256, p384, rsa2048, rsa3072, rsa4096, ed25519, or what only authorities have, in the one canonical encoding."""
    if spki[:12] == ED25519_KEY and len(spki) == 44:
        return "ed25519"
    kind, bits = inside(spki, 2)[:2]
    check(bits[0] == BIT_STRING and bits[1][:1] == b"\0" and len(inside(spki)) == 2, "a public key is malformed")
    if kind[2].hex() in EC_KEYS:
        algorithm, size, p, b = EC_KEYS[kind[2].hex()]
        check(len(bits[1]) == 2 + 2 * size and bits[1][1] == 4, "a public key is no uncompressed point")
        x, y = int.from_bytes(bits[1][2 : 2 + size], "big"), int.from_bytes(bits[1][2 + size :], "big")
        check(x < p and y < p and (y * y - (x * x * x - 3 * x + b)) % p == 0, "a public key is no point of its curve")
        return algorithm
    check(kind[2] == RSA_KEY, "a public key is of an unknown kind")
    numbers = [(tag, int.from_bytes(content, "big")) for tag, content, _ in inside(bits[1][1:], 2)]
    check([tag for tag, _ in numbers] == [INTEGER, INTEGER], "an RSA key is malformed")
    (_, modulus), (_, exponent) = numbers
    check(bits[1][1:] == der_sequence(modulus, exponent), "an RSA key is malformed")
    check(2048 <= modulus.bit_length() <= 8192 and exponent % 2 and 3 <= exponent < 2**31, "an RSA key is out of range")
    return f"rsa{modulus.bit_length()}"


def der_sequence(*numbers):
    """SEQUENCE of INTEGERs, none below 0."""
    body = b""
    for number in numbers:
        content = number.to_bytes(number.bit_length() // 8 + 1, "big")
        body += bytes([INTEGER]) + der_length(content) + content
    return bytes([SEQUENCE]) + der_length(body) + body


def der_length(content):
    size = len(content)
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([size]) if size < 0x80 else bytes([0x80 + len(digits)]) + digits


class Key:
    """A public key as metadata has it, under its TUF key ID."""

    def __init__(self, keytype, public):
        self.keytype, self.public = keytype, public
        self.json = {"keytype": keytype, "keyval": {"private": None, "public": base64.b64encode(public).decode()}}
        self.id = sha256(canonical(self.json).encode())

    @classmethod
    def of(cls, spki):
        algorithm = algorithm_of(spki)
        check(algorithm in [*ALGORITHMS.split("|"), "ed25519"], "a key is of a kind that only authorities have")
        return cls("ed25519", spki[12:]) if algorithm == "ed25519" else cls("rsa" if algorithm[0] == "r" else "ecdsa", spki)

    @classmethod
    def certified(cls, text):
        return cls(f"{cls.of(certificates_in(text)[0].spki).keytype}-x509", text)

    def bare(self):
        """The key itself, of the stated type; its ID is the canonical one."""
        if self.keytype.endswith("-x509"):
            key = Key.of(certificates_in(self.public)[0].spki)
        else:
            key = Key.of(ED25519_KEY + self.public if self.keytype == "ed25519" else self.public)
        check(key.keytype == self.keytype.removesuffix("-x509"), "a key is of another type than it says")
        return key

    def check_counts(self, gun):
        """Notary's rule for root keys (ceremony-bundle.md, `pack`)."""
        check(self.keytype in ("ecdsa-x509", "rsa-x509"), "a root key has no certificate")
        self.bare()
        chain = certificates_in(self.public)
        authorities = [certificate.is_authority for certificate in chain]
        check(not authorities[0] and all(authorities[1:]), "not exactly the first certificate is no authority's")
        name = chain[0].name
        check(name == gun or name[-1:] == "*" and gun.startswith(name[:-1]), "a certificate is for another repository")
        check(chain[0].algorithm not in OUTDATED, "a certificate is signed with SHA-1 or MD5")

    def check_signed(self, message, method, signature):
        """By a method of metadata.md, or by rsapkcs1v15: where that is not allowed, the signature's form says so."""
        bare = self.bare()
        spki = ED25519_KEY + bare.public if bare.keytype == "ed25519" else bare.public
        algorithm = algorithm_of(spki)
        kinds = {"ecdsa": "ecdsa", "rsapss": "rsa", "rsapkcs1v15": "rsa", "eddsa": "ed25519"}
        check(kinds.get(method) == bare.keytype, f"the method {show(method)} is not the key's")
        options, digest = [], "sha256"
        if method == "ecdsa":  # r and s beside each other; openssl wants them in DER
            half = {"p256": 32, "p384": 48}[algorithm]
            check(len(signature) == 2 * half, "a signature has another length")
            signature = der_sequence(*(int.from_bytes(part, "big") for part in (signature[:half], signature[half:])))
        elif method == "rsapss":
            check(len(signature) == int(algorithm[3:]) // 8, "a signature has another length")
            options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
        elif method == "eddsa":
            digest = None
        check(openssl_verifies(spki, message, signature, digest, *options), "a signature is wrong")


# ---- Root metadata (metadata.md) -------------------------------------------------------------------------------------

ROLES = ("root", "snapshot", "targets", "timestamp")
EXPIRES = r"([0-9]{4})(.{15})(?:\.[0-9]{0,8}[1-9])?(?:Z|(?![+-]00:00)[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"


class Root:
    """A body that may be signed, and nothing else."""

    def __init__(self, body):
        self.signed, self.body = body, canonical(body).encode()
        fields(body, "_type:Root consistent_snapshot:boolean expires:string keys:object roles:object version:number", "the root")
        match = re.fullmatch(EXPIRES, body["expires"])
        # The calendar repeats itself after 400 years: the year 0 has a 29th of February as 2000 has.
        check(match and moment(f"{2000 + int(match[1]) % 400}{match[2]}Z"), "the root's expires is no time as Go writes it")
        check(1 <= body["version"] < 2**31, "the root's version is out of range")
        check(not re.search(b"[\0-\x1f]", self.body), "a control character can't be in a root")
        self.version, self.keys, self.roles = body["version"], {}, {}
        for name, value in body["keys"].items():
            fields(value, "keytype:ecdsa|rsa|ed25519|ecdsa-x509|rsa-x509 keyval:object", "a key")
            fields(value["keyval"], "private:null public:string", "a key")
            self.keys[name] = Key(value["keytype"], from_base64(value["keyval"]["public"], "a key"))
            check(self.keys[name].id == name, f"a key is filed under {show(name)}, which is not its ID")
        check(set(body["roles"]) == set(ROLES), "the root has other roles than the four")
        for name, value in body["roles"].items():
            fields(value, "keyids:list threshold:number", f"role {name}")
            ids, threshold = value["keyids"], value["threshold"]
            check(all(isinstance(i, str) and i in self.keys for i in ids), f"role {name} lists a key that is not there")
            check(len(set(ids)) == len(ids) <= 256, f"role {name} lists a key twice, or too many")
            usable = [bare for bare in (self.bare_id(i) for i in ids) if bare]
            check(len(set(usable)) == len(usable), f"role {name} has a key in two forms")
            check(len(usable) >= threshold >= 1, f"role {name} can't meet its threshold")
            for key in (self.keys[i] for i in ids if self.keys[i].keytype.endswith("-x509")):
                certificates_in(key.public)
            self.roles[name] = (ids, threshold)

    def bare_id(self, keyid):
        try:
            return self.keys[keyid].bare().id
        except Refused:
            return None

    def check_threshold(self, gun, body, signatures, whose):
        """That enough of the root keys, with certificates that count, signed `body`."""
        (ids, threshold), valid = self.roles["root"], set()
        for signature in (signature for signature in signatures if signature["keyid"] in ids):
            try:
                key = self.keys[signature["keyid"]]
                key.check_counts(gun)
                key.check_signed(body, signature["method"], from_base64(signature["sig"], "a signature"))
                valid.add(key.id)
            except Refused:
                pass  # passed over, as Notary does
        check(len(valid) >= threshold, f"it is signed by {len(valid)} of {whose} root keys, and {threshold} are needed")


SIGNATURE = '{{"keyid":"{keyid}","method":"{method}","sig":"{sig}"}}'


def root_file(body, signatures):
    """Byte for byte as Notary writes it."""
    for character in "<>&\u2028\u2029":
        body = body.replace(character, f"\\u{ord(character):04x}")
    written = ",".join(SIGNATURE.format(**signature) for signature in signatures)
    return f'{{"signed":{body},"signatures":[{written}]}}'.encode()


def read_root_file(data):
    file, _ = parse_json(data)
    for signature in fields(file, "signed:object signatures:list", "the file")["signatures"]:
        fields(signature, "keyid:hash method:ecdsa|rsapss|rsapkcs1v15|eddsa sig:string", "a signature")
        from_base64(signature["sig"], "a signature")
    signers = [signature["keyid"] for signature in file["signatures"]]
    check(len(set(signers)) == len(signers) <= 256, "a key has signed twice, or there are too many signatures")
    check(root_file(canonical(file["signed"]), file["signatures"]) == data, "it is not byte for byte what Notary writes")
    return Root(file["signed"]), file["signatures"]


# ---- The plan (ceremony-plan.md) -------------------------------------------------------------------------------------

# What stands before a + in these is taken once and for all: no line takes more time than goes with its length.
NAME, TEXT, SPACE = "[a-z][a-z0-9_]*+", r'"(?:[^"\\]|\\["\\])*+"', " *+"
VALUE = rf"(?:{TEXT}|0|[1-9][0-9]{{0,9}}|\[{SPACE}(?:{TEXT}(?:{SPACE},{SPACE}{TEXT})*+{SPACE})?\])"
TABLE = rf"\[{SPACE}{NAME}(?:\.{NAME})*+{SPACE}\]|\[\[{SPACE}{NAME}{SPACE}\]\]"
LINE = re.compile(rf"{SPACE}(?:{TABLE}|{NAME}{SPACE}={SPACE}{VALUE})?{SPACE}(?:#.*)?")
CHANGES = {  # what the kind may have, and of each of these at least one
    "create-root": ("new added", []),
    "rotate-root": ("new added kept retired", ["kept retired"]),
    "replace-holder": ("new added kept retired lost", ["lost", "new added"]),
    "root-lost": ("new added retired lost", ["lost"]),
}
PLAN = (
    "format:trustkey-ceremony-plan/1 id:name kind:create-root|rotate-root|replace-holder|root-lost reason:text "
    "created:time not_before:time not_after:time expires:time threshold:number rehearsal_of?:hash "
    "person:list closing:object key:list spare?:list repository:list backup?:object"
)
ON_TOKEN = {"slot", "pin_policy", "touch_policy"}
POLICIES = "slot?:slot pin_policy?:never|once|always touch_policy?:never|cached|always"
PLAN_KEY = "name:name change:new|added|kept|retired|lost "
PLAN_KEYS = {  # by change
    "new": f"{PLAN_KEY} holder:name token:token algorithm:{ALGORITHMS} make:token|vault serial?:serial copies?:list {POLICIES}",
    "lost": f"{PLAN_KEY} holder:text id:hash serial?:serial",
    None: f"{PLAN_KEY} holder:name id:hash token?:token serial?:serial",
}


P_25519 = 2**255 - 19
# u of the points whose order divides 8, of the curve and of its twist.
LOW_ORDER = (
    0,
    1,
    P_25519 - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)


def is_recipient(text):
    """Whether it is age's X25519 recipient: BIP-173, `age`, 32 bytes."""
    if not re.fullmatch("age1[02-9ac-hj-np-z]{58}", text):
        return False
    digits, sum = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(letter) for letter in text[4:]], 1
    for digit in [3, 3, 3, 0, *(ord(letter) % 32 for letter in "age"), *digits]:
        top, sum = sum >> 25, (sum % 2**25) << 5 ^ digit
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            sum ^= term if top >> bit & 1 else 0
    # 52 digits of five bits: 32 bytes and four bits of padding.
    bits = "".join(f"{digit:05b}" for digit in digits[:52])
    point = int.from_bytes(int(bits[:256], 2).to_bytes(32, "big"), "little") % 2**255 % P_25519
    return sum == 1 and bits[256:] == "0000" and point not in LOW_ORDER


class Plan:
    """plan.toml: the form of each line first, so that no two readers of TOML differ; then what ceremony-plan.md asks of it."""

    def __init__(self, data):
        try:
            text = data.decode("utf-8")
            check(text.endswith("\n"), "its last line is cut off")
            check(not INVISIBLE.search(text.replace("\n", "")), "there is something invisible in it")
            for number, line in enumerate(text[:-1].split("\n"), 1):
                check(LINE.fullmatch(line), f"line {number} is not of the plan's form")
            self.all = plan = tomllib.loads(text)
        except ValueError as error:  # of UTF-8, and of TOML
            raise Refused(f"it is no TOML: {show(str(error))}") from None
        self.hash = sha256(data)
        fields(plan, PLAN, "the plan")
        self.people = self.table("person", "name:name part:lead|witness|holder full_name?:text", 1, 64, "name")
        self.spares = self.table("spare", "token:token serial?:serial", 0, 32, "token")
        self.keys = self.table("key", None, 1, 32, "name")
        self.repositories = list(self.table("repository", None, 1, 64, "gun").values())
        closing = fields(plan["closing"], "vault:object witness:object", "closing")
        self.closing = [self.read_key(closing[name]) for name in ("vault", "witness")]
        parts = [person["part"] for person in self.people.values()]
        check(parts.count("lead") == 1 and "witness" in parts, "there is not one lead and a witness")
        end = plan["not_after"]  # times of this form are in the order of their texts
        check(plan["created"] <= end and plan["not_before"] < end < plan["expires"], "its times are in another order")
        self.check_keys()
        self.recipients = fields(plan["backup"], "recipients:list", "backup")["recipients"] if "backup" in plan else None
        if self.recipients is not None:
            check(self.is_list_of(self.recipients, "text", 32), "backup: recipients is no list of texts, each once")
            check(all(map(is_recipient, self.recipients)), "backup: a recipient is none of age's X25519 recipients")
        for repository in self.repositories:
            ids = [key.id for key in [*self.closing, *repository["keys"].values()]]
            ids += [key["id"] for key in self.keys.values() if "id" in key]
            check(len(set(ids)) == len(ids), "one key is there for two things")

    def table(self, name, spec, least, most, unique):
        found = self.all.get(name, [])
        check(least <= len(found) <= most, f"there are not {least} to {most} of {name}")
        for value in found:
            check(isinstance(value, dict), f"{name} is no table")
            if spec is None:
                (self.read_plan_key if name == "key" else self.read_repository)(value)
            else:
                fields(value, spec, name)
        check(len({value[unique] for value in found}) == len(found), f"a {name} is there twice")
        return {value[unique]: value for value in found}

    @staticmethod
    def is_list_of(value, form, most):
        return 1 <= len(value) <= most and all(has_form(v, form) for v in value) and len(set(value)) == len(value)

    @staticmethod
    def read_key(value):
        fields(value, "keytype:ecdsa|rsa|ed25519 public:string", "a key")
        key = Key(value["keytype"], from_base64(value["public"], "a key")).bare()
        check(key.public == from_base64(value["public"], "a key"), "a key is malformed")
        return key

    def read_plan_key(self, value):
        change = value.get("change") if isinstance(value.get("change"), str) else None
        fields(value, PLAN_KEYS.get(change, PLAN_KEYS[None]), "a key")
        if change != "lost":
            part = self.people.get(value["holder"], {}).get("part")
            check(part in ("lead", "holder"), f"{show(value['holder'])} can't hold a key")
            check("token" in value or "serial" not in value, "a key has a serial without a token")
        if "copies" in value:
            check(self.is_list_of(value["copies"], "token", 8), "copies is no list of tokens, each once")
            check(value["make"] == "vault" and value["token"] not in value["copies"], "this key can't have these copies")
        if value.get("make") != "token":
            check(not set(value) & ON_TOKEN, "only a key made on a token has a slot and policies")

    def read_repository(self, value):
        old, roles = "gun:gun lineage:hash root_version:number root_sha256:hash", "gun:gun roles:object"
        fields(value, {"create-root": roles, "root-lost": f"{old} {roles}"}.get(self.all["kind"], old), "a repository")
        check(1 <= value.get("root_version", 1) <= 1000, "root_version is not 1 to 1000")
        if value.get("root_version") == 1:
            check(value["root_sha256"] == value["lineage"], "root_sha256 of version 1 is not the lineage")
        given = fields(value["roles"], "targets:object snapshot:object timestamp:object", "roles") if "roles" in value else {}
        value["keys"] = {name: self.read_key(key) for name, key in given.items()}

    def check_keys(self):
        keys, threshold = list(self.keys.values()), self.all["threshold"]
        changes = {key["change"] for key in keys}
        ids = [key["id"] for key in keys if "id" in key]
        check(len(set(ids)) == len(ids), "a key ID is there twice")
        may, must = CHANGES[self.all["kind"]]
        check(changes <= set(may.split()), "a ceremony of this kind has other changes")
        check(all(changes & set(group.split()) for group in must), "a ceremony of this kind needs other changes")
        holders = [key["holder"] for key in keys if key["change"] in ("new", "added", "kept")]
        check(1 <= threshold <= len(holders), "the threshold is none, or above the number of keys")
        most = max(map(holders.count, holders))
        check(threshold == 1 or most < threshold, "one person reaches the threshold alone")
        busy = {key["holder"] for key in keys if key["change"] != "lost"}
        check(all(name in busy for name, person in self.people.items() if person["part"] == "holder"), "a holder holds no key")


# ---- The bundle (ceremony-bundle.md) ---------------------------------------------------------------------------------

FILES = ("plan.toml", "transcript.jsonl", "close.json", "publication.jsonl")
BYTES_32 = b"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]\n"
AGE_HEADER = b"age-encryption\\.org/v1\n(?:-> X25519 " + BYTES_32 + BYTES_32 + b")+--- " + BYTES_32
LARGEST = {"plan.toml": 2**18, "transcript.jsonl": 2**22}
KEY_FACTS = f"key:name key_id:hash algorithm:{ALGORITHMS} origin:token|vault|imported token?:token serial?:serial {POLICIES}"
RECORD = "n:number prev:hash hash:hash t:time who:name step:text facts:object in:list out:list note:note"
FACTS = {
    "pack": "program:text program_sha256:hash plan_sha256:hash",
    "open": "program_sha256:hash plan_sha256:hash",
    "keygen": KEY_FACTS,
    "present": KEY_FACTS,
    "void-key": "key:name record:number reason:text",
    "build": "",
    "sign": "key:name keyid:hash repository:number",
    "void-root": "record:number reason:text",
    "backup": "key:name how:cannot-leave|copy|export token?:token serial?:serial recipients?:number restored?:yes",
    "close": "outcome:complete|abandoned",
    "publish": "repository:number server:text",
}
BACKUP_FACTS = {"cannot-leave": set(), "copy": {"token", "serial"}, "export": {"recipients", "restored"}}


def read_bundle(folder):
    """The content of every file, by its path in the bundle."""
    found = {}
    for directory, prefix in ((folder, ""), (os.path.join(folder, "artefacts"), "artefacts/")):
        for name in sorted(os.listdir(directory)) if prefix == "" or os.path.lexists(directory) else []:
            path, what = os.path.join(directory, name), os.lstat(os.path.join(directory, name))
            if prefix + name == "artefacts" and stat.S_ISDIR(what.st_mode):
                continue
            known = re.fullmatch("[0-9a-f]{64}", name) if prefix else name in FILES
            check(known and stat.S_ISREG(what.st_mode), f"{show(prefix + name)} does not belong in a bundle")
            check(0 < what.st_size <= LARGEST.get(prefix + name, 2**20), f"{prefix}{name} is empty or too large")
            with open(path, "rb") as file:
                found[prefix + name] = file.read()
    check("plan.toml" in found and "transcript.jsonl" in found, "plan.toml or transcript.jsonl is missing")
    check(sum(map(len, found.values())) <= 2**26, "it is too large")
    check(sum(path.startswith("artefacts/") for path in found) <= 4096, "there are too many artefacts in it")
    return found


class Ceremony:
    """Reads the records one after another; what stands after each is in the attributes."""

    def __init__(self, plan, bundle):
        self.plan, self.bundle = plan, bundle
        self.records, self.standing, self.named, self.made_ids = [], {}, set(), set()
        self.repositories = range(len(plan.repositories))
        self.old = [None] * len(plan.repositories)  # the newest published root of each
        self.changes_a_root = plan.all["kind"] in ("rotate-root", "replace-holder")
        self.new_keys = [name for name, key in plan.keys.items() if key["change"] in ("new", "added")]

    def read(self, line, published=False):
        self.facts = {}
        record, n = parse_canonical(line), len(self.records) + 1
        fields(record, RECORD, "the record")
        content = canonical({name: value for name, value in record.items() if name != "hash"})
        check(record["n"] == n, f"its number is {record['n']}")
        before = self.records[-1]["hash"] if self.records else self.plan.hash
        check(record["prev"] == before, "it does not follow on the record before, or on the plan")
        check(record["hash"] == sha256(content.encode()), "its hash is another")
        check(n <= 10000, "there are too many records")
        self.check_clock(record)
        step = record["step"]
        check(step in FACTS, "the step is unknown")
        expected = {1: "pack", 2: "open"}.get(n)
        check(step == expected if expected else step not in ("pack", "open"), f"{step} is out of order")
        check((step == "publish") == published, f"{step} does not belong here")
        check(self.outcome() == ("complete" if published else None), "the ceremony is closed already, or was abandoned")
        self.record, self.facts = record, fields(record["facts"], FACTS[step], "facts")
        check(all(0 <= value < 2**31 for value in self.facts.values() if isinstance(value, int)), "a number is out of range")
        for side in ("in", "out"):
            names = [fields(entry, "name:text sha256:hash", side)["name"] for entry in record[side]]
            check(names == sorted(set(names)), f"the names in {side} are not sorted, or one is there twice")
        self.key = self.plan.keys.get(self.facts.get("key"))
        check(self.key or "key" not in self.facts, "there is no such key in the plan")
        holder = self.key and self.key["holder"]
        lead = next(name for name, person in self.plan.people.items() if person["part"] == "lead")
        witnesses = [name for name, person in self.plan.people.items() if person["part"] == "witness"]
        allowed = {"void-key": [lead, holder], "close": witnesses}.get(step, [holder] if self.key else [lead])
        check(record["who"] in allowed, f"{show(record['who'])} has no part in this step")
        inputs, outputs = getattr(self, "do_" + step.replace("-", "_"))()
        for side, names in (("in", inputs), ("out", outputs)):
            wrong = sorted({entry["name"] for entry in record[side]} ^ set(names))
            check(not wrong, f"in {side}, {show(wrong[:1])} is missing or too much")
        for entry in record["in"]:
            stands = self.standing.get(entry["name"])
            check(stands and stands["sha256"] == entry["sha256"], f"{entry['name']} is not what stands under that name")
        for entry in record["out"]:
            check(entry["name"] not in self.standing, f"{entry['name']} is there already")
            self.standing[entry["name"]] = {**entry, "record": n}
        self.records.append(record)

    def outcome(self):
        return next((r["facts"]["outcome"] for r in self.records if r["step"] == "close"), None)

    def check_clock(self, record):
        t, last, publishes = record["t"], self.records[-1] if self.records else None, record["step"] == "publish"
        if last:
            another = record["n"] == 2 or publishes and last["step"] == "close"  # another machine's clock
            back = moment(last["t"]) - moment(t)
            check(back <= timedelta(seconds=600 if another else 0), "its time is before that of the record before")
        begin = self.plan.all["created" if record["n"] == 1 else "not_before"]
        check(publishes or begin <= t <= self.plan.all["not_after"], "it is not in the time the plan allows")

    def out(self, name):
        """The content of what the record makes under `name`."""
        digest = next((entry["sha256"] for entry in self.record["out"] if entry["name"] == name), None)
        check(digest, f"{name} is not in out")
        content = self.bundle.get(f"artefacts/{digest}")
        check(content is not None and sha256(content) == digest, f"the artefact of {name} is not there, or has another hash")
        self.named.add(f"artefacts/{digest}")
        return content

    def of(self, step):
        """The standing records of a step."""
        return [r for r in self.records if r["step"] == step and not r.get("void")]

    def for_key(self, step, name):
        return next((r for r in self.of(step) if r["facts"]["key"] == name), None)

    def void(self, *records):
        for record in records:
            record["void"] = True
            self.standing = {name: entry for name, entry in self.standing.items() if entry["record"] != record["n"]}

    def stands(self, name):
        return self.for_key("keygen", name) or self.for_key("present", name)

    def do_pack(self):
        check(self.facts["plan_sha256"] == self.plan.hash, "plan_sha256 is another plan's")
        names = []
        for i, repository in enumerate(self.plan.repositories):
            last = None
            for version in range(1, repository.get("root_version", 0) + 1):
                names.append(f"chain/{i}/{version}")
                root, signatures = read_root_file(self.out(names[-1]))
                check(root.version == version, f"{names[-1]} has version {root.version}")
                for trusted, whose in ((last, f"version {version - 1}'s"), (root, "its own")):
                    if trusted:
                        trusted.check_threshold(repository["gun"], root.body, signatures, whose)
                check(version > 1 or sha256(root.body) == repository["lineage"], f"{names[-1]} is of another lineage")
                last = root
            if last:
                check(sha256(last.body) == repository["root_sha256"], f"{names[-1]} is another root than the plan's")
                self.check_old_keys(last)
            self.old[i] = last
        return [], names

    def check_old_keys(self, root):
        ids, threshold = root.roles["root"]
        old, plan = [root.bare_id(keyid) for keyid in ids], {}
        for key in self.plan.keys.values():
            plan.setdefault(key["change"], set()).add(key.get("id"))
        lost, retired = plan.get("lost", set()), plan.get("retired", set())
        others = plan.get("kept", set()) if self.changes_a_root else plan.get("added", set()) & set(old)
        check(None not in old and set(old) == lost | retired | others, "the root's keys are not those that the plan says it has")
        enough = len(set(old) - lost) >= threshold
        check(enough == self.changes_a_root, f"the keys that are not lost {'reach' if enough else 'do not reach'} the threshold")

    def do_open(self):
        before = self.records[0]
        check(all(before["facts"][name] == value for name, value in self.facts.items()), "what was opened is not what was packed")
        return [entry["name"] for entry in before["out"]], []

    def do_keygen(self):
        facts, key = self.facts, self.key
        planned = (key.get("algorithm"), key.get("make"))
        check(key["change"] == "new" and (facts["algorithm"], facts["origin"]) == planned, "the plan has this key made otherwise")
        if key["make"] == "vault":
            check(not set(facts) & {"token", "serial", *ON_TOKEN}, "a key made by the vault is on no token")
        else:
            homes = [(home["token"], home.get("serial", facts.get("serial"))) for home in (key, *self.plan.spares.values())]
            check("serial" in facts and (facts.get("token"), facts["serial"]) in homes, "it is on another token than the plan's")
            check(self.is_as_planned(ON_TOKEN), "slot or policies are not the plan's")
        others = {k.get("id") for k in self.plan.keys.values()} | {k.id for k in self.plan.closing} | self.made_ids
        others |= {k.id for repository in self.plan.repositories for k in repository["keys"].values()}
        check(facts["key_id"] not in others, "this key is there already")
        self.made_ids.add(facts["key_id"])
        return [], self.check_key(certified=True)

    def do_present(self):
        facts, key = self.facts, self.key
        check(key["change"] in ("added", "kept", "retired") and facts["key_id"] == key["id"], "this is not the plan's key")
        check(self.is_as_planned({"token", "serial"}), "it is on another token than the plan's")
        check(("token" in facts) == ("serial" in facts), "token and serial go together")
        return [], self.check_key(certified=key["change"] == "added")

    def is_as_planned(self, names):
        return all(self.facts.get(name) == self.key[name] for name in names if name in self.key)

    def check_key(self, certified):
        facts, name = self.facts, self.facts["key"]
        check(not self.stands(name), "this key is there already")
        check(self.key["change"] not in ("new", "added") or not self.of("build"), "a root is built already; void it first")
        spki, names = self.out(f"public/{name}"), [f"public/{name}"]
        check(algorithm_of(spki) == facts["algorithm"] and Key.of(spki).id == facts["key_id"], "the public key is another")
        for i in self.repositories if certified else []:
            names.append(f"certificate/{name}/{i}")
            text = self.out(names[-1])
            certificate, chain = Key.certified(text), certificates_in(text)
            certificate.check_counts(self.plan.repositories[i]["gun"])
            check(chain[0].spki == spki, f"{names[-1]} is for another key")
            check(chain[0].name == self.plan.repositories[i]["gun"], f"{names[-1]} is for another repository")
            for subject, issuer in zip(chain, chain[1:] or chain):
                subject.check_signed_by(issuer)
            for when in (self.record["t"], self.plan.all["not_after"]):
                chain[0].check_dates(moment(when))
        if f"attestation/{name}" in [entry["name"] for entry in self.record["out"]]:
            names += [f"attestation/{name}", f"attestation-intermediate/{name}"]
            self.check_attestation(Certificate(self.out(names[-2])), Certificate(self.out(names[-1])), spki)
        return names

    def check_attestation(self, statement, card, spki):
        statement.check_signed_by(card)
        serial = elements(statement.extensions.get(YUBICO + "07", b""))
        firmware, policy, form = (unwrapped(statement.extensions.get(YUBICO + oid, b"")) for oid in ("03", "08", "09"))
        check([tag for tag, content, _ in serial if content[:1] < b"\x80"] == [INTEGER], "the attestation has no serial number")
        lengths = (len(firmware), len(policy), len(form))
        check(lengths == (3, 2, int(YUBICO + "09" in statement.extensions)), "the attestation is malformed")
        check(statement.spki == spki, "the attestation is of another key")
        check(self.facts["origin"] == "token", "a key that was not made on a token has an attestation")
        said = {
            "serial": str(int.from_bytes(serial[0][1], "big")),
            "slot": statement.name.removeprefix("YubiKey PIV Attestation "),
            "pin_policy": {1: "never", 2: "once", 3: "always"}.get(policy[0]),
            "touch_policy": {1: "never", 2: "always", 3: "cached"}.get(policy[1]),
        }
        check(all(self.facts.get(name) == value for name, value in said.items()), "the attestation says something else")

    def do_void_key(self):
        name, number = self.facts["key"], self.facts["record"]
        check(self.stands(name) and self.stands(name)["n"] == number, "it voids no standing record of this key")
        check(not self.for_key("sign", name), "the key has signed; void the root first")
        check(self.key["change"] not in ("new", "added") or not self.of("build"), "a root is built with it; void that first")
        self.void(self.stands(name), *[r for r in self.of("backup") if r["facts"]["key"] == name])
        return [], []

    def certificate_of(self, name, i):
        """The key as the new root has it, or the old one for a key that goes."""
        if name in self.new_keys:
            return Key.certified(self.bundle[f"artefacts/{self.standing[f'certificate/{name}/{i}']['sha256']}"])
        old, wanted = self.old[i], self.plan.keys[name]["id"]
        return next(old.keys[keyid] for keyid in old.roles["root"][0] if old.bare_id(keyid) == wanted)

    def do_build(self):
        check(not self.of("build"), "a root is built already")
        check(all(self.stands(name) for name in self.new_keys), "a new key is not there yet")
        staying = [name for name, key in self.plan.keys.items() if key["change"] in ("new", "added", "kept")]
        inputs = [f"certificate/{name}/{i}" for name in self.new_keys for i in self.repositories]
        outputs, self.built = [], []
        for i, repository in enumerate(self.plan.repositories):
            members = [self.certificate_of(name, i) for name in staying]
            role = {"keyids": sorted(key.id for key in members), "threshold": self.plan.all["threshold"]}
            if self.changes_a_root:
                inputs.append(f"chain/{i}/{repository['root_version']}")
                old = self.old[i].signed
                used = {keyid for other in old["roles"].values() for keyid in other["keyids"]}
                keys = {k: v for k, v in old["keys"].items() if k in used or v["keytype"].endswith("-x509")}
                body = {**old, "version": old["version"] + 1, "roles": {**old["roles"], "root": role}}
            else:
                keys, body = {}, {"_type": "Root", "consistent_snapshot": False, "version": 1, "roles": {"root": role}}
                for name, key in repository["keys"].items():
                    keys[key.id], body["roles"][name] = key.json, {"keyids": [key.id], "threshold": 1}
            body |= {"expires": self.plan.all["expires"], "keys": {**keys, **{key.id: key.json for key in members}}}
            self.built.append(Root(body))
            for member in members:
                member.check_counts(repository["gun"])
            outputs += [f"signed/{i}", f"difference/{i}"]
            signed = self.out(f"signed/{i}")
            check(signed == self.built[i].body, f"signed/{i} is another root than the plan's")
            self.check_difference(self.out(f"difference/{i}"), [repository["gun"], "root", sha256(signed)])
        return inputs, outputs

    @staticmethod
    def check_difference(data, head):
        try:
            lines = data.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            lines = []
        check(lines[:3] == head, "the difference is of another root")
        good = len(lines) >= 5 and lines[-1] == "" and all(has_form(line, "text") for line in lines[3:-1])
        check(good, "the difference is malformed")

    def do_sign(self):
        name, i = self.facts["key"], self.facts["repository"]
        check(self.of("build") and self.stands(name) and i in self.repositories, "there is nothing to sign, or not with this key")
        check(self.key["change"] in ("new", "added", "kept") or self.changes_a_root, "this key does not sign")
        key, data = self.certificate_of(name, i), self.out(f"signature/{name}/{i}")
        signature = fields(parse_canonical(data), "keyid:hash method:ecdsa|rsapss sig:string", "the signature")
        check(signature["keyid"] == self.facts["keyid"] == key.id, "the signature is under another key's ID")
        key.check_signed(self.built[i].body, signature["method"], from_base64(signature["sig"], "the signature"))
        return [f"difference/{i}", f"signed/{i}"], [f"signature/{name}/{i}"]

    def do_void_root(self):
        check([r["n"] for r in self.of("build")] == [self.facts["record"]], "it voids no standing root")
        self.void(*self.of("build"), *self.of("sign"))
        return [], []

    def backups(self, name, how):
        return [r["facts"] for r in self.of("backup") if (r["facts"]["key"], r["facts"]["how"]) == (name, how)]

    def do_backup(self):
        facts, key, name = self.facts, self.key, self.facts["key"]
        how, done = facts["how"], self.backups(facts["key"], facts["how"])
        check(key["change"] == "new" and self.stands(name), "only a new key that stands has a backup")
        check(set(facts) - {"key", "how"} == BACKUP_FACTS[how], "it has other facts than this kind of backup has")
        check((how == "cannot-leave") == (key["make"] == "token"), "a key made like this has no such backup")
        if how == "copy":
            planned = [key["token"], *key.get("copies", []), *self.plan.spares]
            check(facts["token"] in planned, "it was copied to a token that the plan doesn't name")
            check(facts["token"] not in [backup["token"] for backup in done], "it is on this token already")
            home = key if facts["token"] == key["token"] else self.plan.spares.get(facts["token"], {})
            check(home.get("serial", facts["serial"]) == facts["serial"], "the token has another serial number")
        else:
            check(not done, "this backup is there already")
        if how == "export":
            count, data = len(self.plan.recipients or []), self.out(f"backup/{name}")
            check(facts["recipients"] == count, "the plan has other recipients")
            header = re.match(AGE_HEADER, data)
            check(header and len(data) - header.end() >= 33, f"backup/{name} is no age file for X25519 recipients")
            check(header[0].count(b"\n-> ") == count, f"backup/{name} is for more or fewer than the plan's recipients")
        return [f"public/{name}"], [f"backup/{name}"] if how == "export" else []

    def do_close(self):
        if self.facts["outcome"] == "abandoned":
            return [], []
        check(self.of("build"), "there is no root")
        for name in self.new_keys:
            key = self.plan.keys[name]
            if key["change"] == "new":
                wanted = {"copy": 1 + len(key.get("copies", [])), "export": int(self.plan.recipients is not None)}
                for how, count in wanted.items() if key["make"] == "vault" else [("cannot-leave", 1)]:
                    check(len(self.backups(name, how)) >= count, f"{name} lacks a backup: {how}")
        for i, repository in enumerate(self.plan.repositories):
            made = [name for name in self.standing if name.startswith("signature/") and name.endswith(f"/{i}")]
            signatures = [parse_canonical(self.bundle[f"artefacts/{self.standing[name]['sha256']}"]) for name in made]
            signatures.sort(key=lambda signature: signature["keyid"])
            for root, whose in ((self.old[i] if self.changes_a_root else None, "the old"), (self.built[i], "the new")):
                if root:
                    root.check_threshold(repository["gun"], self.built[i].body, signatures, whose)
            for keyid in self.built[i].roles["root"][0]:
                certificates_in(self.built[i].keys[keyid].public)[0].check_dates(moment(self.record["t"]))
            file = root_file(self.built[i].body.decode(), signatures)
            check(self.out(f"root/{i}") == file, f"root/{i} is not the root with all its signatures")
        return [n for n in self.standing if n.startswith(("signed/", "signature/"))], [f"root/{i}" for i in self.repositories]

    def do_publish(self):
        i = self.facts["repository"]
        done = [record["facts"]["repository"] for record in self.of("publish")]
        check(i in self.repositories and i not in done, "it is published already, or there is no such repository")
        return [f"root/{i}"], []


def check_close(ceremony, data):
    check(data and ceremony.outcome(), "the ceremony is not closed")
    close, last, plan = parse_canonical(data), ceremony.records[-1], ceremony.plan
    fields(close, "signatures:list statement:object", "close.json")
    check(len(close["signatures"]) == 2, "close.json has not two signatures")
    statement = {"_type": "trustkey-ceremony-close", "ceremony": plan.all["id"], "closed": last["t"], "head": last["hash"]}
    statement |= {"outcome": ceremony.outcome(), "plan": plan.hash, "records": last["n"]}
    check(close["statement"] == statement, "the statement is of another ceremony, or another end of it")
    for value, key, name in zip(close["signatures"], plan.closing, ("vault", "witness")):
        fields(value, f"keyid:hash method:ecdsa|rsapss|eddsa name:{name} sig:string", "a signature")
        check(value["keyid"] == key.id, f"the {name}'s signature is under another key's ID")
        key.check_signed(canonical(statement).encode(), value["method"], from_base64(value["sig"], "a signature"))


def lines_of(data):
    lines = data.split(b"\n")
    # Without its LF the last line can't be read.
    return lines[:-1] if lines[-1] == b"" else [*lines[:-1], b""]


def findings(ceremony):
    """What a person has to know of a bundle that is good."""
    plan = ceremony.plan
    yield f"{plan.all['kind']} {plan.all['id']}: {ceremony.outcome()}, {len(ceremony.records)} records, all of them in order"
    yield f"plan {plan.hash} (compare it with the one that was approved)"
    if ceremony.outcome() == "complete":
        for i, repository in enumerate(plan.repositories):
            keyids, threshold = ceremony.built[i].roles["root"]
            counts = f"{threshold} of {len(keyids)} keys, expires {plan.all['expires']}"
            yield f"{repository['gun']}: root {ceremony.built[i].version}, {counts}"
            yield f"    code {ceremony.standing[f'difference/{i}']['sha256']}, file {ceremony.standing[f'root/{i}']['sha256']}"
    if "rehearsal_of" in plan.all:
        yield "WARNING: this is a rehearsal; what comes out of it is not to be published"
    if any(name.startswith("attestation/") for name in ceremony.standing):
        yield "WARNING: whether the cards that attest their keys are Yubico's is not checked here"


def verify(folder):
    """The place and what is wrong there; or None and what a person has to know."""
    place = "bundle"
    try:
        bundle = read_bundle(folder)
        place = "plan"
        plan = Plan(bundle["plan.toml"])
        ceremony = Ceremony(plan, bundle)
        for place, line in enumerate(lines_of(bundle["transcript.jsonl"]), 1):
            ceremony.read(line)
        place = "bundle"
        surplus = {path for path in bundle if path.startswith("artefacts/")} - ceremony.named
        check(not surplus, f"no record names {sorted(surplus)[:1]}")
        place = "close"
        check_close(ceremony, bundle.get("close.json"))
        place = "publication"
        for line in lines_of(bundle["publication.jsonl"]) if "publication.jsonl" in bundle else []:
            ceremony.read(line, published=True)
    except Refused as refused:
        return place, str(refused)
    return None, "\n".join(findings(ceremony))


def main(arguments):
    as_json = arguments[:1] == ["--json"]
    folders = arguments[1:] if as_json else arguments
    if not folders or folders[0].startswith("-"):
        print("usage: verify-ceremony.py [--json] BUNDLE...", file=sys.stderr)
        return 2
    worst = 0
    for folder in folders:
        try:
            place, text = verify(folder)
        except OSError as error:
            print(f"verify-ceremony.py: {error}", file=sys.stderr)
            return 2
        worst = worst if place is None else 7
        if as_json:
            print(json.dumps({"ok": place is None, "place": place, "text": text}), flush=True)
        elif place is None:
            print(f"VERIFIED {text}")
        else:
            print(f"REFUSED at {f'record {place}' if isinstance(place, int) else place}: {text}")
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
