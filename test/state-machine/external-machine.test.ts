import { cpSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import type { ExternalMachine } from '../../src/state-machine/external.js'
import { MachineSet } from '../../src/state-machine/machine-set.js'
import { OutcomeStatus } from '../../src/state-machine/outcome.js'
import { Reject } from '../../src/state-machine/reject.js'
import { payloadTools } from '../../src/worker/payload-tools.js'
import { type ExternalSubject, externalMachineChecks } from './external-contract.js'
import { type Journal, type JournalCommand, journalMachine } from './support/journal-machine.js'
import { ask, payload, run } from './support/payload.js'

const root = mkdtempSync(join(tmpdir(), 'external-'))
let directories = 0
afterAll(() => rmSync(root, { recursive: true }))

function newDirectory(): string {
  const path = join(root, String(++directories))
  mkdirSync(path)
  return path
}

type Machine = ExternalMachine<Journal, JournalCommand, number, never, unknown>

const subjectOf = (machine: Machine): ExternalSubject<Journal, JournalCommand> => ({
  machine,
  command: (i) => ({ add: i * i + 1 }),
  rejected: 'reject',
  failing: 'fail',
  describe: ({ added, total }) => ({ added, total }),
})

describe('the contract of external machines, held by a machine with a journal', () => {
  test.each(externalMachineChecks(subjectOf(journalMachine)))('%s', (_, check) => check())
})

describe('the checks of the contract', () => {
  const { execute } = journalMachine
  /** What is wrong, how, and the check that must say so. */
  const bad: [string, Partial<Machine>, string][] = [
    [
      'is ahead of what it executed',
      { position: ({ written }) => ({ ...written, index: written.index + 1 }) },
      'the position is never ahead',
    ],
    ['has no position of its own', { position: () => ({ instance: 0, index: -1 }) }, 'the position is never ahead'],
    ['does not sync', { sync: () => undefined }, 'the position is never ahead'],
    [
      'goes back',
      { position: ({ written }) => (written.index === 2 ? { instance: 0, index: -1 } : written) },
      'the position is never ahead',
    ],
    [
      'tells what is in its memory only',
      {
        execute(journal, command, { instance, index }) {
          if (command === 'reject') throw new Reject('as it was told')
          journal.written = { instance, index }
          return journal.added.push((command as { add: number }).add)
        },
        position: ({ written }) => written,
        sync: () => undefined,
      },
      'killed at any moment',
    ],
    [
      'moves its position before its state',
      {
        execute(journal, command, context) {
          if (journal.added.length !== 3) return execute(journal, command, context)
          journal.written = { instance: context.instance, index: context.index }
          return journal.total
        },
      },
      'closed and opened',
    ],
    [
      'forgets the last command when it is opened',
      {
        open(home) {
          const journal = journalMachine.open(home)
          journal.total -= journal.added.pop() ?? 0
          return journal
        },
      },
      'closed and opened',
    ],
    [
      'keeps what it rejects',
      {
        execute(journal, command, context) {
          if (command === 'reject') journal.added.push(0)
          return execute(journal, command, context)
        },
      },
      'a rejected command',
    ],
    [
      'keeps a failed command',
      {
        execute(journal, command, context) {
          if (command !== 'fail') return execute(journal, command, context)
          execute(journal, { add: 1 }, context)
          throw new Error('as it was told')
        },
      },
      'after any other throw',
    ],
    [
      'saves under a name that leads elsewhere',
      { save: (_, directory) => writeFileSync(join(directory, '.hidden'), '') },
      'what was saved',
    ],
    [
      'saves a folder',
      {
        save(journal, directory) {
          journalMachine.save(journal, directory)
          mkdirSync(join(directory, 'more'))
        },
      },
      'what was saved',
    ],
    [
      'goes on writing to what it saved',
      { save: (journal, directory) => linkSync(join(journal.directory, 'journal'), join(directory, 'journal')) },
      'what was saved',
    ],
    [
      'refers to what it was restored from',
      { restore: ({ group, from }) => journalMachine.open({ group, directory: from }) },
      'what was saved',
    ],
    [
      'depends on something else than the command',
      {
        execute(journal, command, context) {
          execute(journal, command, context)
          return Math.random()
        },
      },
      'all replicas give the same',
    ],
    [
      'keeps all groups in one place',
      { open: ({ group }) => journalMachine.open({ group, directory: shared }) },
      'two groups',
    ],
  ]
  const shared = newDirectory()

  test.each(bad)('find a machine that %s', (_, changes, name) => {
    const check = externalMachineChecks(subjectOf({ ...journalMachine, ...changes })).find(([is]) =>
      is.startsWith(name),
    )!
    expect(check[1]).toThrow(expect.objectContaining({ code: 'ERR_ASSERTION' }))
  })
})

test('a journal that ends anywhere within what was not flushed opens with all that was', () => {
  const directory = newDirectory()
  const journal = journalMachine.open({ group: 0, directory })
  const context = (instance: number) => ({ instance, index: 0, master: { nodeId: 0, version: 0 } })
  for (const instance of [1, 2, 3, 4]) {
    journalMachine.execute(journal, { add: instance }, context(instance))
    if (instance === 2) journalMachine.sync!(journal)
  }
  const { size } = statSync(join(directory, 'journal'))
  for (let length = size / 2; length <= size; length++) {
    const torn = newDirectory()
    cpSync(directory, torn, { recursive: true })
    truncateSync(join(torn, 'journal'), length)
    const opened = journalMachine.open({ group: 0, directory: torn })
    expect(opened.added).toEqual([1, 2, 3, 4].slice(0, Math.floor((length * 4) / size)))
    journalMachine.close!(opened)
  }
  journalMachine.close!(journal)
})

describe('a set with an external machine', () => {
  const setOn = (directory: string, machine: unknown = journalMachine) =>
    new MachineSet([machine as typeof journalMachine], payloadTools, 1000, {
      group: 3,
      reads: undefined,
      externalDirectory: (id) => {
        expect(id).toBe(8)
        return directory
      },
    })

  test('executes no command twice: after a kill the log is executed again from its beginning', () => {
    const directory = newDirectory()
    const log = [1, 2, 3, 4, 5].flatMap((instance) => [0, 1].map((index) => ({ instance, index })))
    const killed = setOn(directory)
    for (const { instance, index } of log.slice(0, 7)) run(killed, 8, { add: instance }, instance, index)
    expect(killed.sync()).toBe(true)
    const set = setOn(directory)
    expect(set.positionOf(8)).toEqual({ instance: 4, index: 0 })
    const statuses = log.map(({ instance, index }) => run(set, 8, { add: instance }, instance, index).status)
    expect(statuses).toEqual([...Array(7).fill(OutcomeStatus.notEncodable), ...Array(3).fill(OutcomeStatus.ok)])
    expect(ask(set, 8, null).result).toBe(30)
    killed.close()
    set.close()
  })

  test('has none of its outcomes in the digest, for a replay has only some of them', () => {
    const set = setOn(newDirectory())
    set.startDigest(77, 0)
    run(set, 8, { add: 1 }, 1, 0)
    run(set, 8, 'reject', 1, 1)
    expect(set.digest).toBe(77)
    run(set, 9, 'no such machine', 1, 2)
    expect(set.digest).not.toBe(77)
    set.close()
  })

  test('is durable after a sync, also where the last command was rejected; or says that it is not', () => {
    const set = setOn(newDirectory())
    expect(set.sync()).toBe(true)
    run(set, 8, { add: 1 }, 4, 0)
    run(set, 8, 'reject', 5, 0)
    expect(set.positionOf(8)).toEqual({ instance: 0, index: -1 })
    expect(set.sync()).toBe(true)
    expect(set.positionOf(8)).toEqual({ instance: 4, index: 0 })
    set.close()
    const directory = newDirectory()
    for (const [instance, index] of [
      [4, 0],
      [4, 1],
      [5, 0],
    ] as const) {
      // Opened again, it finds what the first one had only written.
      const careless = setOn(directory, { ...journalMachine, sync: undefined })
      expect(careless.sync()).toBe(true)
      run(careless, 8, { add: 1 }, instance, index)
      expect(careless.sync()).toBe(false)
      careless.close()
    }
  })

  test('saves into a directory from which another is restored', () => {
    const set = setOn(newDirectory())
    run(set, 8, { add: 6 }, 2, 0)
    set.sync()
    const [from, directory] = [newDirectory(), newDirectory()]
    set.save(8, from)
    set.close()
    journalMachine.close!(journalMachine.restore({ group: 3, directory, from }))
    const restored = setOn(directory)
    expect(ask(restored, 8, null).result).toBe(6)
    expect(restored.positionOf(8)).toEqual({ instance: 2, index: 0 })
    expect(restored).toMatchObject({ externalIds: [8], memoryIds: [], canSnapshot: true })
    restored.close()
  })

  test.each([
    ['open', { open: failing }, (directory: string, machine: unknown) => setOn(directory, machine)],
    [
      'position',
      { position: () => ({ instance: -1, index: 0 }) },
      (directory: string, machine: unknown) => setOn(directory, machine),
    ],
    ['sync', { sync: failing }, (directory: string, machine: unknown) => setOn(directory, machine).sync()],
    ['save', { save: failing }, (directory: string, machine: unknown) => setOn(directory, machine).save(8, directory)],
    ['close', { close: failing }, (directory: string, machine: unknown) => setOn(directory, machine).close()],
  ])('what %s throws is a failure of the machine', (name, changes, use) => {
    expect(() => use(newDirectory(), { ...journalMachine, ...changes })).toThrow(
      expect.objectContaining({ code: 'EXECUTE_FAILED', message: expect.stringContaining(`threw in ${name}: `) }),
    )
  })

  test('closes each machine, although one of them throws', () => {
    let closed = 0
    const closing = { ...journalMachine, close: () => void closed++ }
    const failingOne = { ...journalMachine, id: 9, close: failing }
    const set = new MachineSet([failingOne, closing], payloadTools, 1000, {
      group: 3,
      reads: undefined,
      externalDirectory: newDirectory,
    })
    expect(() => set.close()).toThrow('state machine 9 threw in close: on purpose')
    expect(closed).toBe(1)
  })

  test('a throw of execute is an ExecuteFailure; a set on the same directory begins with what was durable', () => {
    const directory = newDirectory()
    const set = setOn(directory)
    run(set, 8, { add: 6 }, 2, 0)
    set.sync()
    expect(() => set.execute(payload(8, 'fail'), 3, 0)).toThrow(
      expect.objectContaining({ code: 'EXECUTE_FAILED', instance: 3 }),
    )
    set.close()
    const again = setOn(directory)
    expect(ask(again, 8, null).result).toBe(6)
    again.close()
  })
})

function failing(): never {
  throw new Error('on purpose')
}
