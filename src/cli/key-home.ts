// Where a key is, as its record says: "sealed", "token:NAME", "group:NAME".

const TOKEN = "token:"

/** What is said of a token's secrets, and of the keys on it. */
export function tokenHome(name: string): string {
    return `${TOKEN}${name}`
}

/** The token's name; undefined for a key that is sealed. */
export function tokenOf(home: string): string | undefined {
    return home.startsWith(TOKEN) ? home.slice(TOKEN.length) : undefined
}

/** `sealed`, `on token yubi`, `group ci` */
export function homeText(home: string): string {
    const token = tokenOf(home)
    return token === undefined ? home.replace(":", " ") : `on token ${token}`
}
