import { JOURNAL_BLOCK_BYTES, type Put, readEntry, readEntryHead, readMark } from './journal-entry.js'
import type { JournalPosition } from './journal-position.js'

export interface JournalContent {
  /** What the environment does not hold yet, in order. */
  readonly puts: readonly Put[]
  /** The sequence of the last entry, or what was absorbed. */
  readonly last: number
}

/**
 * What a journal holds above a position, or what is wrong with it. Entries are written one after the other, each begun when
 * the one before it was durable. So one that cannot be read, with none behind it, is one that was being written when the
 * process or the machine died: nobody was told of it. With a later one behind it, or where the mark says that it was
 * acknowledged, it is damage.
 */
export function readJournal(bytes: Uint8Array, { journal, absorbed }: JournalPosition): JournalContent | string {
  const acknowledged = readMark(bytes, journal)
  if (acknowledged === undefined) return 'its first block is unreadable'
  const puts: Put[] = []
  let next = absorbed + 1
  let at = JOURNAL_BLOCK_BYTES
  for (;;) {
    const head = readEntryHead(bytes, at, journal)
    if (head?.sequence !== next) break
    const entry = readEntry(bytes, at, head)
    if (entry === undefined) break
    puts.push(...entry.puts)
    at += entry.bytes
    next++
  }
  if (acknowledged >= next) return `its entry ${next} is unreadable, and ${acknowledged} was acknowledged`
  for (; at < bytes.length; at += JOURNAL_BLOCK_BYTES) {
    const later = readEntryHead(bytes, at, journal)
    if (later !== undefined && later.sequence > next)
      return `its entry ${next} is unreadable, and entry ${later.sequence} is there`
  }
  return { puts, last: next - 1 }
}
