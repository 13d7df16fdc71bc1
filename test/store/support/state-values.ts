import type { StateChange, StateEntry, StatePosition, StateStore, StateWrite } from '../../../src/store/state-store.js'

export function at(executedUpTo: number, builtInBytes = 5): StatePosition {
  return {
    executedUpTo,
    chain: (executedUpTo * 2654435761) >>> 0,
    digest: (executedUpTo * 40503) >>> 0,
    builtIn: patterned(builtInBytes, executedUpTo),
  }
}

/** Bytes that differ from those of every other seed, and from what they would be if they were shifted. */
export function patterned(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 31 + (i >> 8) * 13) & 255)
}

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

export function text(found: Uint8Array | undefined): string | undefined {
  return found === undefined ? undefined : Buffer.from(found).toString('latin1')
}

/** Text for text; undefined removes. */
export type Edits = Readonly<Record<string, string | undefined>>

export function changesOf(edits: Edits): StateChange[] {
  return Object.entries(edits)
    .map(([key, value]) => ({ key: bytes(key), value: value === undefined ? undefined : bytes(value) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
}

export function entriesOf(edits: Readonly<Record<string, string>>): StateEntry[] {
  return changesOf(edits) as StateEntry[]
}

export function write(group: number, executedUpTo: number, edits: Edits, machine = 1): StateWrite {
  return { group, position: at(executedUpTo), changes: new Map([[machine, changesOf(edits)]]) }
}

/** Everything of a machine. */
export function contents(store: StateStore, group: number, machine = 1): Record<string, string> {
  const found = [...store.range(group, machine, bytes(''))]
  return Object.fromEntries(found.map(({ key, value }) => [text(key), text(value)]))
}
