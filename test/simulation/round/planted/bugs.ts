import type { Edit } from '../tree.js'
import { PLANTED_JOURNAL_BUGS } from './journal-bugs.js'

/** A small fault of the round, its executor, its store or the codec, that the simulation has to catch. */
export interface PlantedRoundBug {
  readonly name: string
  /** A seed that catches it; found by `npm run sim:round -- --planted --find`. */
  readonly seed: number
  /** For what is rarely seen unless the disks are at their worst. */
  readonly badDisks?: true
  readonly edits: readonly Edit[]
}

const ROUND = 'worker/round.js'
const HOST = 'worker/group-host.js'
const HOSTED_STORE = 'worker/hosted-store.js'
const EXECUTOR = 'worker/executor.js'
const STORE = 'store/lmdb-log-store.js'

export const PLANTED_ROUND_BUGS: readonly PlantedRoundBug[] = [
  {
    name: 'an answer before the commit',
    seed: 1,
    edits: [
      {
        file: ROUND,
        find: 'if (!store.commit(writes, now)) return;',
        put: `for (const host of writers) { host.step({ kind: 'persisted' }, now); host.emit(now); }
          this.#place.outbox.publish();
          if (!store.commit(writes, now)) return;`,
      },
    ],
  },
  {
    name: 'the clock stamped before the drain',
    seed: 1,
    edits: [
      {
        file: ROUND,
        find: 'this.#inbox.snapshot(); this.#due.take((index) => this.#dueTimers.push(index));',
        put: 'const now = clock.now(); this.#inbox.snapshot(); this.#due.take((index) => this.#dueTimers.push(index));',
      },
      { file: ROUND, find: 'const now = clock.now(); if (this.#place.wakeUp', put: 'if (this.#place.wakeUp' },
    ],
  },
  {
    name: 'a failed commit taken for done',
    seed: 3,
    edits: [{ file: HOSTED_STORE, find: 'this.fail(error, now); return false; } }', put: 'return true; } }' }],
  },
  {
    name: 'a group that goes on after its store failed',
    seed: 1,
    edits: [
      {
        file: HOST,
        find: 'this.place.outbox.event(this.group, alarm(code, { message: textOf(message), path })); this.#silence();',
        put: 'this.place.outbox.event(this.group, alarm(code, { message: textOf(message), path }));',
      },
    ],
  },
  {
    name: 'a store that failed in silence',
    seed: 1,
    edits: [
      {
        file: HOST,
        find: 'this.place.outbox.event(this.group, alarm(code, { message: textOf(message), path })); this.#silence();',
        put: 'this.#silence();',
      },
    ],
  },
  {
    name: 'a full disk never looked at again',
    seed: 8,
    badDisks: true,
    edits: [
      {
        file: HOSTED_STORE,
        find: "if (this.#failure?.code !== 'DISK_FULL') return;",
        put: 'return;',
      },
    ],
  },
  {
    name: 'the crc of a record ignored',
    seed: 1,
    badDisks: true,
    edits: [
      {
        file: 'codec/record.js',
        find: "if (crc32(bytes.subarray(4, length)) !== getU32(bytes, 0)) return 'checksum';",
        put: '',
      },
    ],
  },
  {
    name: 'the crc of a head ignored',
    seed: 7,
    edits: [
      {
        file: 'codec/head.js',
        find: "if (crc32(bytes.subarray(4, HEAD_BYTES)) !== getU32(bytes, 0)) return 'checksum';",
        put: '',
      },
    ],
  },
  {
    name: 'the crc of a frame ignored',
    seed: 1,
    edits: [
      {
        file: 'codec/frame.js',
        find: "if (frameCrc(bytes) !== getU32(bytes, 4)) fail('BAD_CHECKSUM', 'the checksum of a frame does not match');",
        put: '',
      },
    ],
  },
  {
    name: 'a damaged tail cut in silence',
    seed: 3,
    badDisks: true,
    edits: [
      {
        file: STORE,
        find: "if (typeof record === 'string') throw this.#damagedGroup(",
        put: `if (typeof record === 'string') return { ledger, state: { head: { ...head, lastAccepted: instance - 1 }, tail } };
          if (false) throw this.#damagedGroup(`,
      },
    ],
  },
  {
    name: 'a missing record of the tail overlooked',
    seed: 56,
    badDisks: true,
    edits: [
      {
        file: STORE,
        find: 'if (found === undefined) throw this.#damagedGroup(',
        put: `if (found === undefined) return { ledger, state: { head: { ...head, lastAccepted: instance - 1 }, tail } };
          if (false) throw this.#damagedGroup(`,
      },
    ],
  },
  {
    name: 'a lost group made anew',
    seed: 7,
    badDisks: true,
    edits: [
      {
        file: HOSTED_STORE,
        find: 'if (state !== undefined) return state;',
        put: 'if (state !== undefined) return state; this.#log.create([group]); return this.#log.load(group);',
      },
    ],
  },
  {
    name: 'a rebuilt group executes on the state it had',
    seed: 4,
    edits: [
      {
        file: HOST,
        find: 'this.#core = undefined; this.#execution?.close(); this.#execution = undefined; this.#serving.clear();',
        put: 'this.#core = undefined; this.#serving.clear();',
      },
      {
        file: HOST,
        find: 'this.#execution = new GroupExecution(',
        put: 'this.#execution ??= new GroupExecution(',
      },
      {
        file: HOST,
        find: "this.phase = 'retrying'; this.#execution?.close(); this.#execution = undefined;",
        put: "this.phase = 'retrying';",
      },
      // What the executor was in the middle of is forgotten; what it had done to the state is not.
      {
        file: 'worker/group-execution.js',
        find: 'if (this.#executor.isIdle) {',
        put: 'if (this.#executor.isIdle || core !== this.core) { this.core = core;',
      },
    ],
  },
  {
    name: 'a command skipped where a round ran out of time',
    seed: 60,
    edits: [
      {
        file: EXECUTOR,
        find: 'const first = reader.index + 1;',
        put: 'else reader.next(); const first = reader.index + 1;',
      },
    ],
  },
  {
    name: 'a command executed again where a round ran out of time',
    seed: 60,
    edits: [
      {
        file: EXECUTOR,
        find: 'if (!this.#inRun) { this.#inRun = true;',
        put: 'if (true) { this.#inRun = true;',
      },
    ],
  },
  {
    name: 'a read served before its point is known',
    seed: 4,
    edits: [
      {
        file: HOST,
        find: "const token = this.callers.addRead(asked); this.step({ kind: 'read', token, deadline }, now);",
        put: 'this.readLocally(asked);',
      },
    ],
  },
  {
    name: 'a read served from what is chosen and not executed',
    seed: 4,
    edits: [
      {
        file: 'core/reads.js',
        find: 'const { executedUpTo } = this.state;',
        put: 'const executedUpTo = Math.max(this.state.executedUpTo, this.state.durableChosenUpTo);',
      },
    ],
  },
  {
    name: 'reads forgotten when a group restarts',
    seed: 5,
    edits: [
      {
        file: 'worker/group-callers.js',
        find: "for (const asked of this.#reads.values()) this.refuseRead(asked, 'restarted');",
        put: '',
      },
    ],
  },
  {
    name: 'a rebuilt group is not told of the links',
    seed: 4,
    edits: [
      {
        file: HOST,
        find: "for (const [peer, link] of this.place.links) this.step({ kind: 'link', peer, ...link }, now);",
        put: '',
      },
    ],
  },
  {
    name: 'commands said to be unproposed that were proposed',
    seed: 1,
    edits: [{ file: 'worker/group-callers.js', find: "proposed ? 'restarted' : 'unproposed'", put: "'unproposed'" }],
  },
  {
    name: 'a new thread numbers its commands from 1 again',
    seed: 3,
    edits: [
      {
        file: 'ring/sequences.js',
        find: 'this.#counters = new Counters(memory, groups.map(String));',
        put: 'this.#counters = new Counters(allocateSequences(groups), groups.map(String));',
      },
    ],
  },
  {
    name: 'commands of the host and of a port in one run',
    seed: 31,
    edits: [
      {
        file: 'worker/own-runs.js',
        find: 'return replies === this.#replies && number',
        put: 'return number',
      },
    ],
  },
  {
    name: 'an answer under the number that the core knows',
    seed: 1,
    edits: [
      {
        file: 'worker/group-callers.js',
        find: 'replies.beginReply(this.#group, calledThere + sequence - first, instance, index);',
        put: 'replies.beginReply(this.#group, sequence, instance, index);',
      },
    ],
  },
  {
    name: 'a result dropped for a port, and nobody told',
    seed: 140,
    edits: [
      {
        file: 'worker/port-outbox.js',
        find: 'this.#kept.push(writer); this.#keptBytes += length;',
        put: '',
      },
    ],
  },
  ...PLANTED_JOURNAL_BUGS,
]
