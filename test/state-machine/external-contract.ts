// What every external machine must do, as checks that its author runs against it: they know no test runner, and throw.
// They cannot cut the power: that what `position` tells has been flushed, and `restore` too, is left to the author.
import { deepStrictEqual, match, ok, throws } from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExternalMachine, MachinePosition } from '../../src/state-machine/external.js'
import type { ExecuteContext } from '../../src/state-machine/machine-common.js'
import { isReject } from '../../src/state-machine/reject.js'

export interface ExternalSubject<State, Command> {
  readonly machine: ExternalMachine<State, Command, unknown, never, unknown>
  /** The command number `i`, from 0; none of them is rejected. */
  command(i: number): Command
  /** A command that is rejected in every state. */
  readonly rejected: Command
  /** A command that makes `execute` throw something else, if there is one. */
  readonly failing?: Command
  /** All of the state as plain data: what replicas must agree on. */
  describe(state: State): unknown
}

const COMMANDS = 12
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** Several commands an instance, and instances that hold none for this machine. */
const positionOf = (i: number): MachinePosition => ({ instance: 3 + 2 * Math.floor(i / 3), index: i % 3 })
const behind = (a: MachinePosition, b: MachinePosition) =>
  a.instance < b.instance || (a.instance === b.instance && a.index < b.index)

/** One machine on a directory of its own, and copies of it as a killed process leaves them. */
class Bench<State, Command> {
  readonly subject: ExternalSubject<State, Command>
  readonly #root = mkdtempSync(join(tmpdir(), 'external-machine-'))
  readonly #open: State[] = []
  #directories = 0

  constructor(subject: ExternalSubject<State, Command>) {
    this.subject = subject
  }

  directory(): string {
    const path = join(this.#root, String(++this.#directories))
    mkdirSync(path)
    return path
  }

  open(directory: string): State {
    return this.#keep(this.subject.machine.open({ group: 3, directory }))
  }

  /** The directory as it is now, under another name: what a kill leaves, for what was written survives the process. */
  killed(directory: string): string {
    const copy = this.directory()
    cpSync(directory, copy, { recursive: true })
    return copy
  }

  restore(directory: string, from: string): State {
    return this.#keep(this.subject.machine.restore({ group: 3, directory, from }))
  }

  close(state: State): void {
    this.#open.splice(this.#open.indexOf(state), 1)
    this.subject.machine.close?.(state)
  }

  /** Commands `from` up to, not including, `end`. */
  execute(state: State, from: number, end: number): unknown[] {
    const results: unknown[] = []
    for (let i = from; i < end; i++) results.push(this.run(state, this.subject.command(i), positionOf(i)))
    return results
  }

  run(state: State, command: Command, position: MachinePosition): unknown {
    const context: ExecuteContext = { ...position, master: { nodeId: 0, version: 0 } }
    return this.subject.machine.execute(state, command, context)
  }

  sync(state: State): void {
    this.subject.machine.sync?.(state)
  }

  position(state: State): MachinePosition {
    const { instance, index } = this.subject.machine.position(state)
    return { instance, index }
  }

  describe(state: State): unknown {
    return structuredClone(this.subject.describe(state))
  }

  /** How many commands the state holds, going by its position, which must be that of one of them. */
  held(state: State): number {
    const position = this.position(state)
    if (position.index === -1) {
      deepStrictEqual(position, { instance: 0, index: -1 }, 'the position of an empty state')
      return 0
    }
    const i = Array.from({ length: COMMANDS }, (_, j) => positionOf(j)).findIndex(
      ({ instance, index }) => instance === position.instance && index === position.index,
    )
    ok(i >= 0, `position ${JSON.stringify(position)} is that of a command that was not rejected`)
    return i + 1
  }

  /** The state that so many commands must come to. */
  expected(commands: number): unknown {
    const state = this.open(this.directory())
    this.execute(state, 0, commands)
    return this.describe(state)
  }

  #keep(state: State): State {
    this.#open.push(state)
    return state
  }

  end(): void {
    for (const state of this.#open) this.subject.machine.close?.(state)
    rmSync(this.#root, { recursive: true })
  }
}

type Check = <State, Command>(bench: Bench<State, Command>) => void

const checks: Readonly<Record<string, Check>> = {
  'an empty directory is an empty state, before the first command': (bench) => {
    const state = bench.open(bench.directory())
    deepStrictEqual(bench.position(state), { instance: 0, index: -1 })
  },

  'all replicas give the same results and come to the same state': (bench) => {
    const [one, other] = [bench.open(bench.directory()), bench.open(bench.directory())]
    deepStrictEqual(bench.execute(one, 0, COMMANDS), bench.execute(other, 0, COMMANDS))
    deepStrictEqual(bench.describe(one), bench.describe(other))
  },

  'the position is never ahead of what was executed, never goes back, and is at the last command after a sync': (
    bench,
  ) => {
    const state = bench.open(bench.directory())
    let last = bench.position(state)
    for (let i = 0; i < COMMANDS; i++) {
      bench.execute(state, i, i + 1)
      const position = bench.position(state)
      ok(!behind(positionOf(i), position), 'a position ahead of what was executed')
      ok(!behind(position, last), 'a position that went back')
      last = position
      if (i % 4 !== 3) continue
      bench.sync(state)
      last = bench.position(state)
      deepStrictEqual(last, positionOf(i), 'the position after a sync')
    }
  },

  'killed at any moment, it opens with the state of its position, and goes on from there to the same end': (bench) => {
    const directory = bench.directory()
    const state = bench.open(directory)
    const end = bench.expected(COMMANDS)
    let durable = 0
    for (let i = 0; i < COMMANDS; i++) {
      bench.execute(state, i, i + 1)
      if (i % 4 === 2) bench.sync(state)
      durable = Math.max(durable, bench.held(state))
      const opened = bench.open(bench.killed(directory))
      const held = bench.held(opened)
      ok(held >= durable, 'what the position had told is still there')
      deepStrictEqual(bench.describe(opened), bench.expected(held))
      bench.execute(opened, held, COMMANDS)
      deepStrictEqual(bench.describe(opened), end)
    }
  },

  'closed and opened, it has the state of its position': (bench) => {
    const directory = bench.directory()
    for (let done = 0; done < COMMANDS; done = Math.min(done + 5, COMMANDS)) {
      const state = bench.open(directory)
      deepStrictEqual(bench.held(state), done, 'what was synced is there, and no more')
      deepStrictEqual(bench.describe(state), bench.expected(done))
      bench.execute(state, done, Math.min(done + 5, COMMANDS))
      bench.sync(state)
      bench.close(state)
    }
  },

  'a rejected command leaves no trace': (bench) => {
    const { rejected } = bench.subject
    const directory = bench.directory()
    const state = bench.open(directory)
    bench.execute(state, 0, 4)
    throws(() => bench.run(state, rejected, { instance: positionOf(3).instance, index: 7 }), isReject)
    deepStrictEqual(bench.describe(state), bench.expected(4))
    bench.execute(state, 4, 5)
    deepStrictEqual(bench.describe(state), bench.expected(5))
    bench.sync(state)
    deepStrictEqual(bench.describe(bench.open(bench.killed(directory))), bench.expected(5))
  },

  'after any other throw it is closed and opened, and nothing of the failed command is found': (bench) => {
    const { failing } = bench.subject
    if (failing === undefined) return
    const directory = bench.directory()
    const state = bench.open(directory)
    bench.execute(state, 0, 4)
    throws(
      () => bench.run(state, failing, positionOf(4)),
      (thrown) => !isReject(thrown),
    )
    bench.close(state)
    const opened = bench.open(directory)
    const held = bench.held(opened)
    ok(held <= 4, 'the position tells nothing of the failed command')
    deepStrictEqual(bench.describe(opened), bench.expected(held))
  },

  'what was saved is restored elsewhere, durably, whatever the original executes meanwhile': (bench) => {
    for (const saved of [0, 5]) {
      const original = bench.open(bench.directory())
      bench.execute(original, 0, saved)
      bench.sync(original)
      const from = bench.directory()
      bench.subject.machine.save(original, from)
      for (const entry of readdirSync(from, { withFileTypes: true })) {
        ok(entry.isFile(), `${entry.name} is a plain file`)
        match(entry.name, NAME)
      }
      bench.execute(original, saved, COMMANDS)
      bench.sync(original)
      // They travel to another machine: as copies, from which nothing leads back.
      const arrived = bench.killed(from)
      const directory = bench.directory()
      const restored = bench.restore(directory, arrived)
      rmSync(arrived, { recursive: true })
      const again = bench.open(bench.killed(directory))
      for (const state of [restored, again]) {
        deepStrictEqual(bench.held(state), saved)
        deepStrictEqual(bench.describe(state), bench.expected(saved))
        bench.execute(state, saved, COMMANDS)
        deepStrictEqual(bench.describe(state), bench.describe(original))
      }
    }
  },

  'two groups side by side share nothing': (bench) => {
    const [one, other] = [bench.open(bench.directory()), bench.open(bench.directory())]
    bench.execute(one, 0, 5)
    bench.execute(other, 0, 2)
    bench.sync(one)
    deepStrictEqual(bench.describe(one), bench.expected(5))
    deepStrictEqual(bench.describe(other), bench.expected(2))
  },
}

/** By name, in words that say what must hold. */
export function externalMachineChecks<State, Command>(
  subject: ExternalSubject<State, Command>,
): [string, () => void][] {
  return Object.entries(checks).map(([name, check]) => [
    name,
    () => {
      const bench = new Bench(subject)
      try {
        check(bench)
      } finally {
        bench.end()
      }
    },
  ])
}
