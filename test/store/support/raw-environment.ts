import { open } from 'lmdb'

/** Changes single entries of a closed environment, past the store. */
export function editRaw(path: string, edit: (entries: RawEntries) => void): void {
  const db = open<Uint8Array, Uint8Array>({ path, encoding: 'binary', keyEncoding: 'binary', overlappingSync: false })
  try {
    db.transactionSync(() => {
      edit({
        get: (key) => new Uint8Array(db.getBinary(key) ?? []),
        put: (key, value) => db.putSync(key, value),
        remove: (key) => db.removeSync(key),
      })
    })
  } finally {
    void db.close()
  }
}

export interface RawEntries {
  get(key: Uint8Array): Uint8Array
  put(key: Uint8Array, value: Uint8Array): void
  remove(key: Uint8Array): boolean
}

/** Flips one bit of the value of a key. */
export function flipBit(path: string, key: Uint8Array, bit: number): void {
  editRaw(path, ({ get, put }) => {
    const value = get(key)
    const at = (bit >> 3) % value.length
    value[at] = (value[at] ?? 0) ^ (1 << (bit & 7))
    put(key, value)
  })
}

/** Flips one bit of the value that holds these bytes, inside of them. */
export function flipWhere(path: string, needle: Uint8Array): void {
  const db = open<Uint8Array, Uint8Array>({ path, encoding: 'binary', keyEncoding: 'binary', overlappingSync: false })
  let found: { key: Uint8Array; at: number } | undefined
  try {
    for (const { key, value } of db.getRange()) {
      const at = Buffer.from(value).indexOf(needle)
      if (at >= 0) found = { key: new Uint8Array(key), at }
    }
  } finally {
    void db.close()
  }
  if (found === undefined) throw new Error('no value holds these bytes')
  flipBit(path, found.key, found.at * 8 + 3)
}
