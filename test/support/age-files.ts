import { type AgeOpener, type AgeRecipients, AgeWriter, openAge, Secret } from "../../src/crypto/index.ts"

export function secret(text: string): Secret {
    return new Secret(Buffer.from(text))
}

export function textOf(content: Secret): string {
    return content.reveal((bytes) => bytes.toString("latin1"))
}

/** An age file of `content`, written in steps of so many bytes. */
export async function sealAge(content: Buffer, to: AgeRecipients, step = Math.max(1, content.length)): Promise<Buffer> {
    using writer = await AgeWriter.open(to)
    const pieces = [writer.header]
    for (const piece of inSteps(content, step)) pieces.push(writer.write(piece))
    return Buffer.concat([...pieces, writer.end()])
}

/** What is in an age file, read in steps of so many bytes. */
export async function unsealAge(file: Buffer, opener: AgeOpener, step = file.length): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const piece of openAge(streamOf(file, step), opener)) pieces.push(piece)
    return Buffer.concat(pieces)
}

export async function* streamOf(bytes: Buffer, step = bytes.length): AsyncGenerator<Buffer> {
    yield* inSteps(bytes, step)
}

function* inSteps(bytes: Buffer, step: number): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
}
