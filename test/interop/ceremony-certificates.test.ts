import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { describe, test } from "node:test"
import { algorithmOf } from "../../src/crypto/algorithm.ts"
import { certificatesFormProblem, parseCertificateChain } from "../../src/crypto/index.ts"
import { encodePem, parsePem } from "../../src/crypto/pem.ts"
import { CHECKER } from "../support/ceremony/stranger.ts"
import { buildAuthority, buildCertificate } from "../support/certificate-builder.ts"
import { mutateDer } from "../support/der-mutations.ts"

// What the second checker takes a certificate's text for: none, or what it says.
const READ = `
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("checker", sys.argv[1])
checker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checker)
for line in sys.stdin:
    try:
        first, *_ = checker.certificates_in(json.loads(line).encode("latin-1"))
        checker.Key.of(first.spki)
        dates = [date.isoformat() for date in (first.begins, first.ends)]
        print(json.dumps([first.name, *dates, first.is_authority, first.key_kind]))
    except checker.Refused:
        print("null")
`

async function strangersReading(texts: readonly string[]): Promise<readonly unknown[]> {
    return await new Promise((resolve, reject) => {
        const child = execFile("python3", ["-I", "-B", "-c", READ, CHECKER], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
            if (error === null)
                resolve(
                    stdout
                        .trimEnd()
                        .split("\n")
                        .map((line) => JSON.parse(line)),
                )
            else reject(error)
        })
        child.stdin?.end(texts.map((text) => `${JSON.stringify(text)}\n`).join(""))
    })
}

function ourReading(pem: string): unknown {
    try {
        const [first] = parseCertificateChain(pem)
        if (first === undefined || certificatesFormProblem(pem) !== undefined) return null
        const dates = [first.notBefore, first.notAfter].map((date) => date.toISOString().slice(0, 19))
        return [first.commonName, ...dates, first.isCa, algorithmOf(first.publicKey)]
    } catch {
        return null
    }
}

describe("a certificate in a ceremony's bundle", () => {
    test("is read alike by both checkers, or by neither, however it is written", async () => {
        let seed = 20_261_121
        // As C's rand() of old: the same every time.
        const random = (): number => {
            seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
            return seed / 0x80000000
        }
        const issuer = buildAuthority({ name: "Release CA", algorithm: "rsa2048", pathLength: 1 })
        const seeds = [
            buildCertificate({ name: "registry.example.com/team/app", issuer, keyUsage: 0x80, extKeyUsages: ["1.3.6.1.5.5.7.3.3"] }),
            buildCertificate({ name: "registry.example.com/team/app", algorithm: "p384" }),
            issuer,
        ].flatMap(({ pem }) => parsePem(pem, "none").map(({ der }) => der))
        const texts = seeds.map((der) => encodePem("CERTIFICATE", der))
        for (let left = 3000; left > 0; left -= 1) {
            const der = seeds[Math.floor(random() * seeds.length)] ?? Buffer.alloc(0)
            texts.push(encodePem("CERTIFICATE", mutateDer(der, random)))
        }
        const [ours, strangers] = [texts.map(ourReading), await strangersReading(texts)]
        for (const [index, text] of texts.entries()) assert.deepEqual(strangers[index], ours[index], text)
        for (const reading of ours.slice(0, seeds.length)) assert.notEqual(reading, null)
        // Most of them no longer are one, and some still are.
        assert.ok(ours.filter((reading) => reading !== null).length > 300)
    })
})
