/** For cleaning up after something that has already failed: a second failure adds nothing. */
export function quietly(work: () => void): void {
    try {
        work()
    } catch {
        // see above
    }
}
