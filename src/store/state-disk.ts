import type { GroupIndex } from '../base/numbers.js'
import { headKey, identityKey, KEY_BYTES } from './log-keys.js'
import type { StoredBlocks, ValueReader } from './state-blocks.js'
import { decodeStateHead, type StateHead } from './state-head.js'
import { stateDamaged } from './store-error.js'
import { decodeIdentity } from './store-identity.js'

/** The head of a group, of which one copy is enough; undefined if there is none. Throws STATE_DAMAGED. */
export function readStateHead(reader: ValueReader, group: GroupIndex): StateHead | undefined {
  const key = new Uint8Array(KEY_BYTES)
  const [first, second] = ([0, 1] as const).map((copy) => {
    const bytes = reader.read(headKey(key, group, copy))
    return { bytes, head: bytes === undefined ? 'missing' : decodeStateHead(bytes, bytes.length, group) }
  })
  if (first?.bytes === undefined && second?.bytes === undefined) return undefined
  const head = typeof first?.head === 'object' ? first.head : second?.head
  if (typeof head !== 'object')
    throw stateDamaged(reader.path, group, `both copies of its head are unreadable (${first?.head}, ${second?.head})`)
  const areTwo = typeof first?.head === 'object' && typeof second?.head === 'object'
  if (areTwo && Buffer.compare(first.bytes ?? NOTHING, second.bytes ?? NOTHING) !== 0)
    throw stateDamaged(reader.path, group, 'the two copies of its head differ')
  return head
}

const NOTHING = new Uint8Array(0)

/** The built-in state, wherever it lies. */
export function readBuiltIn(head: StateHead, blocks: StoredBlocks): Uint8Array {
  return head.builtInAt === undefined ? head.position.builtIn : blocks.big(head.builtInAt)
}

/** The groups that have a state here; for a reader beside the owner, who has checked everything else. */
export function listedGroups(reader: ValueReader): readonly GroupIndex[] {
  const key = new Uint8Array(KEY_BYTES)
  for (const copy of [0, 1] as const) {
    const bytes = reader.read(identityKey(key, copy))
    const identity = bytes === undefined ? undefined : decodeIdentity(bytes, bytes.length)
    if (identity !== undefined && 'groups' in identity) return identity.groups
  }
  return []
}
