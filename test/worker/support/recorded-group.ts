import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { encodeBuiltIn } from '../../../src/codec/built-in-state.js'
import { valueCodec } from '../../../src/codec/commands.js'
import { encodePayload } from '../../../src/codec/payload.js'
import { RunBuilder } from '../../../src/codec/run-builder.js'
import type { CommandRun } from '../../../src/core/command-run.js'
import type { Head } from '../../../src/core/durable.js'
import { SessionTable } from '../../../src/core/sessions.js'
import type { AnyStateMachine } from '../../../src/state-machine/contract.js'
import { MachineSet } from '../../../src/state-machine/machine-set.js'
import { LmdbLogStore } from '../../../src/store/lmdb-log-store.js'
import { LmdbStateStore } from '../../../src/store/lmdb-state-store.js'
import type { StatePosition } from '../../../src/store/state-store.js'
import { Executor } from '../../../src/worker/executor.js'
import { Pace } from '../../../src/worker/pace.js'
import { payloadTools } from '../../../src/worker/payload-tools.js'

export const GROUP = 3
export const VOTER = '00c0ffee12345678'
export const SESSION_INSTANCES = 1000

export interface Sent {
  readonly machine: number
  readonly command: unknown
}

/** A group whose log and state are written to real stores, and that executes everything itself: what a replica has. */
export class RecordedGroup {
  readonly paths: {
    readonly log: string
    readonly state: string
    readonly external: string
    readonly checkpoints: string
  }
  readonly machines: MachineSet
  readonly log: LmdbLogStore
  readonly state: LmdbStateStore | undefined
  instance = 0
  chain = 0
  #sequence = 1
  #session = 0
  #firstKept = 1
  #sessions = new SessionTable(SESSION_INSTANCES)
  readonly #executor: Executor
  readonly #pace = new Pace({ now: () => 0 })

  constructor(root: string, machines: readonly AnyStateMachine[]) {
    const path = (name: string) => join(root, name)
    this.paths = {
      log: path('log'),
      state: path('state'),
      external: path('external'),
      checkpoints: path('checkpoints'),
    }
    // Without room in the journal: what is trimmed is gone at once.
    this.log = new LmdbLogStore({ path: this.paths.log, voterId: VOTER, journalBytes: 4096 })
    this.log.create([GROUP])
    const needsState = machines.some(({ kind = 'memory' }) => kind !== 'memory')
    const state = needsState ? new LmdbStateStore({ path: this.paths.state, voterId: VOTER }) : undefined
    state?.load(GROUP)
    this.state = state
    this.machines = new MachineSet(machines, payloadTools, 1 << 20, {
      group: GROUP,
      reads: state && {
        get: (machine, key) => state.get(GROUP, machine, key),
        range: (machine, from, end, reverse) => state.range(GROUP, machine, from, end, reverse),
      },
      externalDirectory: (machine) => {
        const directory = join(this.paths.external, `group-${GROUP}`, `machine-${machine}`)
        mkdirSync(directory, { recursive: true })
        return directory
      },
    })
    this.#executor = new Executor(this.machines, { begin: () => false, open() {}, add() {}, close() {}, end() {} })
    this.#pace.begin(Number.POSITIVE_INFINITY)
  }

  /** The next run of this origin's session. */
  run(...commands: Sent[]): CommandRun {
    const run = this.#run(this.#sequence, commands)
    this.#sequence += commands.length
    return run
  }

  /** Chooses a value: into the log, durably, and executed. */
  choose(...runs: CommandRun[]): void {
    const instance = ++this.instance
    const value = valueCodec.encode(runs)
    this.chain = valueCodec.checksum(value, this.chain)
    const record = { instance, ballot: 0, recoveredTo: 0, version: 0, value }
    this.log.commit([{ group: GROUP, records: [record], head: this.#head }])
    const planned = valueCodec
      .decode(value)
      .map((run) => ({ run, verdict: this.#sessions.apply(run, instance), own: false }))
    this.#executor.begin(instance, planned)
    this.#executor.advance(this.#pace, () => undefined)
  }

  /** Opens the session of this origin, as its first command would. */
  open(): void {
    this.choose(this.#run(0, []))
    this.#session = this.instance
  }

  /** Removes the records below an instance, or all but the last few of them. */
  trim(firstKept: number): void {
    this.#firstKept = firstKept
    this.log.commit([{ group: GROUP, records: [], head: this.#head }])
  }

  get position(): StatePosition {
    const externals = this.machines.externalIds.map((machine) => ({ machine, ...this.machines.positionOf(machine) }))
    const builtIn = encodeBuiltIn({ sessions: this.#sessions.save(), externals })
    return { executedUpTo: this.instance, chain: this.chain, digest: this.machines.digest, builtIn }
  }

  commitState(): void {
    this.machines.sync()
    this.state?.commit([{ group: GROUP, position: this.position, changes: this.machines.changes() }])
    this.machines.committed()
  }

  close(): void {
    this.machines.close()
    this.state?.close()
    this.log.close()
  }

  get #head(): Head {
    const { instance, chain } = this
    return { promised: 0, chosenUpTo: instance, chain, lastAccepted: instance, firstKept: this.#firstKept }
  }

  #run(sequence: number, commands: readonly Sent[]): CommandRun {
    const builder = new RunBuilder()
    for (const { machine, command } of commands) {
      const { flags, bytes } = encodePayload(command)
      builder.add(machine, flags, bytes, 0, bytes.length)
    }
    const session = { origin: 1, incarnation: '0000000000000001', session: this.#session, floor: 0 }
    return { ...session, sequence, count: commands.length, body: builder.take() }
  }
}
