/** The second member, the same in every backup: for whoever has the archive and not this program. */
export const README_NAME = "README.txt"

export const README = `This is a backup of trustkeyd, which keeps the signing keys of Docker Content
Trust repositories. It opens without trustkeyd:

    age -d -i IDENTITY backup.age | tar x     for a recipient age1...
    age -d backup.age | tar x                 for a passphrase

trustkeyd-backup.json   what this is: when it was made, how much is in it, for
                        whom it is encrypted
policy/                 the configuration it was made under; no secret is in it
groups/, keys/          the keys: public facts, and the private key sealed
                        under its passphrase or its group's. A key that can't
                        leave its token says so, and what takes its place
repositories/           trusted roots, newest files, and the versions that were
                        promised and must never be signed again
certificates/, closes/  certificates of root keys; ceremonies that were closed
notary/                 if it is there: key files for the tools of Notary and
                        docker, encrypted under notary/passphrase.txt or, if
                        that is not there, the passphrase that was typed when
                        the backup was made
end.json                SHA-256 of everything before it: the fingerprint

With trustkeyd:

    trustkey backup verify FILE
    trustkey backup restore FILE

Without it, if notary/ is there:

    notary key import notary/*.key            all keys
    docker trust key load notary/ID.key       a key to sign with

What is in groups/ and keys/ is described in docs/formats/envelope.md of
trustkeyd, this archive in docs/formats/backup.md.
`
