import { Random } from '../../../src/base/random.js'
import { EMPTY_HEAD, type Head, type LogRecord } from '../../../src/core/durable.js'
import type { GroupWrite, LogStore } from '../../../src/store/log-store.js'
import { accepted, learned } from './records.js'

export const VOTER = '00c0ffee12345678'
export const GROUPS = [0, 1]

/** What a group must hold after a number of commits. */
interface Expected {
  head: Head
  records: Map<number, LogRecord>
}

/** A seeded sequence of commits as groups make them: appends, higher ballots, learning, promises, trims, in all sizes. */
export function workload(seed: number, commits: number): GroupWrite[][] {
  const random = new Random(seed)
  const heads = new Map<number, Head>(GROUPS.map((group) => [group, EMPTY_HEAD]))
  return Array.from({ length: commits }, () => {
    const groups = GROUPS.filter(() => random.chance(0.7))
    return (groups.length > 0 ? groups : [0]).map((group) => {
      const write = nextWrite(group, heads.get(group) ?? EMPTY_HEAD, random)
      heads.set(group, write.head)
      return write
    })
  })
}

function nextWrite(group: number, was: Head, random: Random): GroupWrite {
  const size = () => (random.chance(0.15) ? random.below(20_000) : random.below(300))
  const promised = was.promised + (random.chance(0.2) ? 65536 : 1)
  const records: LogRecord[] = []
  let { lastAccepted, chosenUpTo } = was
  const kind = random.below(10)
  if (kind === 0) {
    // A new leader proposes the whole tail again.
    for (let i = chosenUpTo + 1; i <= lastAccepted; i++) records.push(accepted(i, promised, size()))
  } else if (kind === 1) {
    for (let i = chosenUpTo + 1; i <= lastAccepted + 3; i++) records.push(learned(i, size()))
    lastAccepted += 3
    chosenUpTo = lastAccepted
  } else if (kind > 2) {
    for (let n = random.below(12); n >= 0; n--) records.push(accepted(++lastAccepted, promised, size()))
  }
  chosenUpTo += random.below(lastAccepted - chosenUpTo + 1)
  const firstKept = Math.max(was.firstKept, chosenUpTo - 80)
  return { group, records, head: { promised, chosenUpTo, chain: random.uint32(), lastAccepted, firstKept } }
}

/** What the store must hold after each number of commits, the first of `commits` at index 1. */
export function expectations(commits: readonly (readonly GroupWrite[])[]): Map<number, Expected>[] {
  let now = new Map<number, Expected>(GROUPS.map((group) => [group, { head: EMPTY_HEAD, records: new Map() }]))
  const all = [now]
  for (const writes of commits) {
    now = new Map(now)
    for (const { group, head, records } of writes) {
      const after = new Map(now.get(group)?.records)
      for (const record of records) after.set(record.instance, record)
      for (const instance of after.keys()) if (instance < head.firstKept) after.delete(instance)
      now.set(group, { head, records: after })
    }
    all.push(now)
  }
  return all
}

/** What differs between the store and what it should hold; undefined if nothing does. */
export function difference(store: LogStore, expected: ReadonlyMap<number, Expected>): string | undefined {
  for (const [group, { head, records }] of expected) {
    const state = store.load(group)
    if (state === undefined) return `group ${group} is not there`
    for (const [name, value] of Object.entries(head)) {
      const found = state.head[name as keyof Head]
      if (found !== value) return `group ${group}: ${name} is ${found}, not ${value}`
    }
    const found = store.read(group, head.firstKept, head.lastAccepted, Number.MAX_SAFE_INTEGER)
    if (found.length !== records.size) return `group ${group}: ${found.length} records, not ${records.size}`
    for (const record of found) {
      const wanted = records.get(record.instance)
      if (wanted === undefined || !sameRecord(record, wanted))
        return `group ${group}: record ${record.instance} differs`
    }
  }
  return undefined
}

function sameRecord(a: LogRecord, b: LogRecord): boolean {
  return a.ballot === b.ballot && a.instance === b.instance && Buffer.compare(a.value, b.value) === 0
}
