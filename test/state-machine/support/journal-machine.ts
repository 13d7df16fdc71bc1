import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from '../../../src/codec/crc32.js'
import { defineStateMachine } from '../../../src/state-machine/contract.js'
import type { ExternalMachine, MachinePosition } from '../../../src/state-machine/external.js'
import { Reject } from '../../../src/state-machine/reject.js'

export type JournalCommand = { readonly add: number } | 'reject' | 'fail'

export interface Journal {
  readonly directory: string
  readonly file: number
  readonly added: number[]
  total: number
  /** Of the last record written, and of the last one that is on disk for sure. */
  written: MachinePosition
  durable: MachinePosition
}

// instance, index, number; then the crc of these.
const RECORD_BYTES = 28
const NOWHERE: MachinePosition = { instance: 0, index: -1 }

/** Adds numbers up and keeps each in a file: a small machine with a state of its own that is durable. */
export const journalMachine: ExternalMachine<Journal, JournalCommand, number, unknown, number> = defineStateMachine({
  kind: 'external',
  id: 8,

  open: ({ directory }) => openJournal(directory),

  position: (journal) => journal.durable,

  execute(journal, command: JournalCommand, { instance, index }) {
    if (command === 'reject') throw new Reject('as it was told')
    if (command === 'fail') {
      journal.total = Number.NaN
      throw new Error('as it was told')
    }
    writeSync(journal.file, recordOf(instance, index, command.add))
    journal.written = { instance, index }
    return take(journal, command.add)
  },

  query: (journal) => journal.total,

  sync(journal) {
    fsyncSync(journal.file)
    journal.durable = journal.written
  },

  // A copy, for records are appended to the file itself.
  save: (journal, directory) => copyFileSync(join(journal.directory, 'journal'), join(directory, 'journal')),

  restore({ directory, from }) {
    copyFileSync(join(from, 'journal'), join(directory, 'journal'))
    return openJournal(directory)
  },

  close: ({ file }) => closeSync(file),
})

function openJournal(directory: string): Journal {
  const path = join(directory, 'journal')
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  const file = openSync(path, 'a')
  const journal: Journal = { directory, file, added: [], total: 0, written: NOWHERE, durable: NOWHERE }
  let at = 0
  for (; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const record = bytes.subarray(at, at + RECORD_BYTES)
    if (record.readUInt32LE(24) !== crc32(record.subarray(0, 24))) break
    journal.written = { instance: record.readDoubleLE(0), index: record.readDoubleLE(8) }
    take(journal, record.readDoubleLE(16))
  }
  // What follows was being written when the process ended.
  ftruncateSync(file, at)
  flush(file, directory)
  journal.durable = journal.written
  return journal
}

function take(journal: Journal, number: number): number {
  journal.added.push(number)
  journal.total += number
  return journal.total
}

function recordOf(instance: number, index: number, number: number): Buffer {
  const record = Buffer.alloc(RECORD_BYTES)
  record.writeDoubleLE(instance, 0)
  record.writeDoubleLE(index, 8)
  record.writeDoubleLE(number, 16)
  record.writeUInt32LE(crc32(record.subarray(0, 24)), 24)
  return record
}

function flush(file: number, directory: string): void {
  fsyncSync(file)
  const folder = openSync(directory, 'r')
  fsyncSync(folder)
  closeSync(folder)
}
