import type { PlantedBug } from './planted-bug.js'

const FETCH = 'core/checkpoint-fetch.js'
const SOURCE = 'core/checkpoint-source.js'
const GROUP = 'core/group.js'
const LOAD = 'core/checkpoint-load.js'
const SESSIONS = 'core/sessions.js'
/** The twin of the worker, where the rule is its to keep. */
const KEEPER = '../test/simulation/state-keeper.js'
const TRANSFERS = '../test/simulation/transfers.js'

/** States that are saved, checkpoints, and what is trimmed behind them. */
export const STATE_BUGS: readonly PlantedBug[] = [
  {
    name: 'a checkpoint loaded half transferred',
    seed: 2,
    edits: [{ file: FETCH, find: "if (what === 'open') {", put: "if (what === 'open' && next < 2) {" }],
  },
  {
    name: 'a checkpoint loaded half transferred, and not noticed by the disk',
    seed: 2,
    edits: [
      { file: FETCH, find: "if (what === 'open') {", put: "if (what === 'open' && next < 2) {" },
      { file: 'core/invariants.js', find: 'assert(isWhole, ', put: 'assert(true, ' },
      {
        file: TRANSFERS,
        find: 'const found = disk.find({ instance, id });',
        put: 'disk.incoming?.end(); const found = disk.find({ instance, id }) ?? disk.incoming?.finish();',
      },
      {
        file: '../test/simulation/sim-checkpoint.js',
        find: "finish() { assert(this.isComplete, 'only what is complete gets its final name');",
        put: 'end() {} finish() {',
      },
    ],
  },
  {
    name: 'the log trimmed where no checkpoint covers it',
    seed: 1,
    edits: [
      { file: GROUP, find: "assert(firstKept <= covered + 1, 'only what a checkpoint covers is trimmed');", put: '' },
      { file: KEEPER, find: 'Math.min(told?.instance ?? 0, disk.coveredUpTo)', put: 'core.executedUpTo' },
    ],
  },
  {
    name: 'a state that says one instance more than was executed',
    seed: 1,
    edits: [
      {
        file: GROUP,
        find: 'return { executedUpTo, chain: this.execution.chain',
        put: 'return { executedUpTo: executedUpTo + 1, chain: this.execution.chain',
      },
    ],
  },
  {
    name: 'a checkpoint of all that is chosen, not of what is executed',
    seed: 1,
    edits: [
      {
        file: GROUP,
        find: 'return { executedUpTo, chain: this.execution.chain',
        put: 'return { executedUpTo: Math.min(this.state.chosenUpTo, this.state.headChosenUpTo), chain: this.state.chains.current',
      },
    ],
  },
  {
    name: 'sessions left out of the state',
    seed: 1,
    edits: [{ file: GROUP, find: 'sessions: this.roles.origin.sessions.save()', put: 'sessions: []' }],
  },
  {
    name: 'sessions saved, and not taken over from the state',
    seed: 1,
    edits: [
      {
        file: 'core/origin.js',
        find: 'new SessionTable(state.tuning.sessionInstances, sessions)',
        put: 'new SessionTable(state.tuning.sessionInstances, [])',
      },
    ],
  },
  {
    name: 'sessions saved without their executed sequences',
    seed: 1,
    edits: [{ file: SESSIONS, find: 'done: [...session.done].sort((a, b) => a - b)', put: 'done: []' }],
  },
  {
    name: 'sessions taken over in the wrong order',
    seed: 1,
    edits: [
      { file: SESSIONS, find: 'for (const session of saved) {', put: 'for (const session of [...saved].reverse()) {' },
    ],
  },
  {
    name: 'the state committed before the head of its log',
    seed: 1,
    edits: [
      {
        file: GROUP,
        find: 'this.state.executedUpTo <= this.state.headChosenUpTo',
        put: 'this.state.executedUpTo <= this.state.durableChosenUpTo',
      },
      {
        file: GROUP,
        find: 'this.state.headChosenUpTo < this.state.executedUpTo',
        put: 'this.state.durableChosenUpTo < this.state.executedUpTo',
      },
    ],
  },
  {
    name: 'what was executed last before a restart executed again',
    seed: 4,
    edits: [
      {
        file: 'core/group-state.js',
        find: 'this.executedUpTo = base.executedUpTo;',
        put: 'this.executedUpTo = Math.max(0, base.executedUpTo - 1);',
      },
    ],
  },
  {
    name: 'the state taken in the middle of an instance',
    seed: 1,
    edits: [
      { file: GROUP, find: '!this.execution.isPlanned && this.state.executedUpTo', put: 'this.state.executedUpTo' },
      { file: GROUP, find: "assert(!this.execution.isPlanned, 'the state is saved between two instances');", put: '' },
      {
        file: '../test/simulation/node-execution.js',
        find: 'const runs = core.planExecution(instance, value);',
        put: 'const runs = core.planExecution(instance, value); if (instance % 7 === 0 && core.isSaveable && !node.keeper.save(group)) return false;',
      },
    ],
  },
  {
    name: 'own session not taken up after a rebuild',
    seed: 1,
    edits: [
      {
        file: 'core/origin.js',
        find: 'this.session = this.sessions.openedBy(state.nodeId, state.config.incarnation);',
        put: '',
      },
    ],
  },
  {
    name: 'the promise lowered by a load',
    seed: 2,
    edits: [{ file: LOAD, find: 'promised: head.promised', put: 'promised: 0' }],
  },
  {
    name: 'the accepted tail above a loaded checkpoint dropped',
    seed: 2,
    edits: [
      {
        file: LOAD,
        find: 'lastAccepted: Math.max(head.lastAccepted, executedUpTo)',
        put: 'lastAccepted: Math.max(head.chosenUpTo, executedUpTo)',
      },
    ],
  },
  {
    name: 'the accepted tail below a loaded checkpoint kept',
    seed: 1,
    edits: [
      { file: LOAD, find: 'chosenUpTo: isAhead ? executedUpTo : head.chosenUpTo', put: 'chosenUpTo: head.chosenUpTo' },
    ],
  },
  {
    name: 'chosenUpTo taken back by a load',
    seed: 2,
    edits: [
      { file: LOAD, find: 'chosenUpTo: isAhead ? executedUpTo : head.chosenUpTo', put: 'chosenUpTo: executedUpTo' },
      { file: LOAD, find: 'chain: isAhead ? chain : head.chain', put: 'chain' },
    ],
  },
  {
    name: 'the log kept from where it was under a state that was loaded',
    seed: 1,
    edits: [
      { file: LOAD, find: 'firstKept: Math.max(head.firstKept, executedUpTo + 1)', put: 'firstKept: head.firstKept' },
    ],
  },
  {
    name: 'no way back to the state of a load that did not end',
    seed: 2,
    edits: [
      {
        file: FETCH,
        find: 'if (this.loading !== undefined || !this.isUseful(instance)) return; this.load(instance, id);',
        put: 'return;',
      },
    ],
  },
  {
    name: 'the parts of a checkpoint taken out of order',
    seed: 4,
    edits: [
      {
        file: FETCH,
        find: 'early.set(part, bytes);',
        put: `state.effects.transfers.push({ kind: 'store', session, part, bytes });
          fetching.received = part + 1;
          if (part >= 0) return;`,
      },
    ],
  },
  {
    name: 'a late part of an earlier transfer taken',
    seed: 45,
    edits: [
      {
        file: FETCH,
        find: 'if (fetching?.session !== session || fetching.peer !== from) return;',
        put: 'if (!fetching) return;',
      },
    ],
  },
  {
    name: 'what peers take a checkpoint for not held against trimming',
    seed: 1,
    edits: [
      {
        file: GROUP,
        find: 'Math.min(this.roles.source.neededFrom, this.roles.checkpoints.neededFrom(now))',
        put: 'this.roles.source.neededFrom',
      },
    ],
  },
  {
    name: 'a stream of the log not held against trimming',
    seed: 1,
    edits: [
      {
        file: GROUP,
        find: 'Math.min(this.roles.source.neededFrom, this.roles.checkpoints.neededFrom(now))',
        put: 'this.roles.checkpoints.neededFrom(now)',
      },
    ],
  },
  {
    name: 'nobody watches over a transfer that falls silent',
    seed: 14,
    edits: [
      {
        file: FETCH,
        find: `state.effects.transfers.push({ kind: 'begin', session, instance, id, manifestBytes, dataBytes });
          state.armTimer('fetch', state.tuning.learnMs);`,
        put: "state.effects.transfers.push({ kind: 'begin', session, instance, id, manifestBytes, dataBytes });",
      },
    ],
  },
  {
    name: 'a node that has loaded a checkpoint takes the next one, and never arrives',
    scenario: 'rejoin',
    seed: 17,
    edits: [
      { file: 'core/learn-source.js', find: "want === 'stream' && this.isCheaper(from)", put: 'this.isCheaper(from)' },
    ],
  },
  {
    name: 'a stranded node never asks',
    scenario: 'rejoin',
    seed: 2,
    edits: [{ file: FETCH, find: 'if (this.isBusy || !this.needsCheckpoint()) return;', put: 'return;' }],
  },
  {
    name: 'a load that failed is waited for',
    seed: 2,
    edits: [{ file: FETCH, find: 'this.loading = undefined;', put: '' }],
  },
  {
    name: 'no checkpoint is made for a peer that needs one',
    scenario: 'rejoin',
    seed: 9,
    edits: [{ file: SOURCE, find: "state.effects.transfers.push({ kind: 'make' });", put: '' }],
  },
  {
    name: 'a checkpoint offered that does not cover what is wanted',
    scenario: 'rejoin',
    seed: 9,
    edits: [{ file: SOURCE, find: 'checkpoint.instance < Math.max(wanted, firstKept - 1)', put: 'false' }],
  },
  {
    name: 'a checkpoint taken though the log would do',
    seed: 1,
    edits: [
      {
        file: FETCH,
        find: 'return isHeldUp && instance > executedUpTo',
        put: 'return true || instance > executedUpTo',
      },
    ],
  },
]
