import type { PlantedBug } from './planted-bug.js'

const ACCEPTOR = 'core/acceptor.js'
const PROPOSER = 'core/proposer.js'
const LEARNER = 'core/learner.js'

/** Execution, sessions, reads, and that everything ends. */
export const SERVING_BUGS: readonly PlantedBug[] = [
  {
    name: 'no dedupe',
    seed: 2,
    edits: [
      {
        file: 'core/sessions.js',
        find: "if (run.sequence < session.floor || session.done.has(run.sequence)) return 'duplicate';",
        put: '',
      },
    ],
  },
  {
    name: 'the first command above the floor skipped',
    seed: 1,
    edits: [
      {
        file: 'core/sessions.js',
        find: "run.sequence < session.floor || session.done.has(run.sequence)) return 'duplicate'",
        put: "run.sequence <= session.floor || session.done.has(run.sequence)) return 'duplicate'",
      },
    ],
  },
  {
    name: 'a run skipped on one node',
    seed: 1,
    edits: [
      {
        file: 'core/execution.js',
        find: 'this.planned = { instance, runs, chain: this.chainAt(instance, value) };',
        put: `if (instance % 20 === 0 && state.nodeId === 2) runs.length = 0;
          this.planned = { instance, runs, chain: this.chainAt(instance, value) };`,
      },
    ],
  },
  {
    name: 'a read point asked of a minority',
    seed: 1,
    edits: [{ file: 'core/reads.js', find: 'round.answered.size < state.membership.majority', put: 'false' }],
  },
  {
    name: 'a read served before its point is executed',
    seed: 5,
    edits: [
      {
        file: 'core/reads.js',
        find: 'const { executedUpTo } = this.state;',
        put: 'const executedUpTo = this.state.chosenUpTo;',
      },
    ],
  },
  {
    name: 'BUSY of anyone counts as a sign of life',
    scenario: 'takeover',
    seed: 2,
    edits: [
      {
        file: PROPOSER,
        find: 'if (ballotNode(ballot) === from) state.hearLeader(ballot); else state.believeLeader(ballot);',
        put: 'state.hearLeader(ballot);',
      },
    ],
  },
  {
    name: 'what was forwarded stays with the leader before',
    scenario: 'takeover',
    seed: 1,
    edits: [
      {
        file: 'core/origin.js',
        find: 'if (this.forwardedTo !== 0 && this.forwardedTo !== this.target()) this.takeBackForwarded();',
        put: '',
      },
    ],
  },
  {
    name: 'the promise raised by an accept that is refused (GAP)',
    seed: 1,
    edits: [
      {
        file: ACCEPTOR,
        find: 'this.tellGap(from, ballot, held + 1);',
        put: 'this.raisePromise(ballot); this.tellGap(from, ballot, held + 1);',
      },
    ],
  },
  {
    name: 'the promise raised for a candidate that is BEHIND',
    seed: 2,
    edits: [
      {
        file: ACCEPTOR,
        find: 'if (state.chosenUpTo >= firstWanted) {',
        put: 'if (state.chosenUpTo >= firstWanted) { this.raisePromise(ballot);',
      },
    ],
  },
  {
    name: 'the promise lowered on disk by learning (history B)',
    seed: 1,
    edits: [
      {
        file: LEARNER,
        find: 'state.persist(entry);',
        put: 'state.persist(entry); state.effects.head = { ...state.effects.head, promised: 65536 };',
      },
    ],
  },
  {
    name: 'a tail revived above recoveredTo',
    seed: 2,
    edits: [
      {
        file: 'core/recovery.js',
        find: 'if (record.ballot < highest.ballot && instance > highest.recoveredTo) break;',
        put: '',
      },
    ],
  },
  {
    name: 'a leader keeps a dead tail of its own',
    seed: 2,
    edits: [{ file: PROPOSER, find: 'state.log.dropAbove(recoveredTo);', put: '' }],
  },
  {
    name: 'a node without its disk votes under the old identity',
    seed: 4,
    edits: [
      {
        file: 'core/membership.js',
        find: 'voter.nodeId === nodeId && voter.voterId === voterId',
        put: 'voter.nodeId === nodeId',
      },
    ],
  },
  {
    name: 'more instances in flight than the window',
    seed: 1,
    edits: [{ file: 'core/pipeline.js', find: 'this.inFlight < window &&', put: '' }],
  },
  {
    name: 'an answer to a read that comes twice counted twice',
    seed: 12,
    nodes: 5,
    edits: [
      {
        file: 'core/reads.js',
        find: 'round.answered.add(from);',
        put: 'round.answered.add(round.answered.has(from) ? from + 1000 : from);',
      },
    ],
  },
  {
    name: 'a restarted node goes on in the session of its former life',
    seed: 1,
    edits: [
      {
        file: 'core/sessions.js',
        find: 'apply(run, instance) {',
        put: "apply(given, instance) { const run = { ...given, incarnation: '' };",
      },
      {
        file: 'core/sessions.js',
        find: 'isDone(run) {',
        put: "isDone(given) { const run = { ...given, incarnation: '' };",
      },
      {
        file: 'core/sessions.js',
        find: 'openedBy(origin, incarnation) {',
        put: "openedBy(origin, incarnation) { incarnation = '';",
      },
    ],
  },
  {
    name: 'what was executed before a restart not executed again',
    seed: 2,
    edits: [
      {
        file: 'core/group-state.js',
        find: 'this.executedUpTo = base.executedUpTo;',
        put: 'this.executedUpTo = head.chosenUpTo;',
      },
    ],
  },
  {
    name: 'deadlines not looked at',
    seed: 2,
    edits: [{ file: 'core/origin.js', find: 'if (item.run.deadline > this.state.now) continue;', put: 'continue;' }],
  },
  {
    name: 'what a status says to be chosen ignored',
    seed: 1,
    edits: [{ file: LEARNER, find: 'if (status.chosenUpTo <= state.chosenUpTo) {', put: 'if (true) {' }],
  },
  {
    name: 'a node without a vote proposes here, which it cannot',
    seed: 4,
    edits: [
      {
        file: PROPOSER,
        find: "return this.state.config.proposeOn === 'here' && this.state.isVoter;",
        put: "return this.state.config.proposeOn === 'here';",
      },
      {
        file: PROPOSER,
        find: 'seekLeadership() { const { state } = this;',
        put: 'seekLeadership() { const { state } = this; if (!state.isVoter) return;',
      },
    ],
  },
  {
    name: 'a node without a vote never asks who leads',
    seed: 196,
    edits: [
      {
        file: PROPOSER,
        find: 'seekLeadership() { const { state } = this;',
        put: 'seekLeadership() { const { state } = this; if (!state.isVoter) return;',
      },
    ],
  },
  {
    name: 'a status behind its own is not answered',
    seed: 1,
    edits: [
      {
        file: LEARNER,
        find: 'if (contradicts || status.chosenUpTo < state.chosenUpTo)',
        put: 'if (contradicts)',
      },
    ],
  },
  {
    name: 'CHOSEN said of one instance more than is known',
    seed: 1,
    edits: [
      {
        file: 'core/pipeline.js',
        find: 'ballot: this.ballot, upTo: chosenUpTo, chain: chains.current',
        put: 'ballot: this.ballot, upTo: chosenUpTo + 1, chain: chains.current',
      },
    ],
  },
  {
    name: 'an instance left out of the checksum chain',
    seed: 1,
    edits: [
      {
        file: LEARNER,
        find: 'state.chains.extend(instance, state.config.values.checksum(entry.value, state.chains.current));',
        put: `const out = state.nodeId === 2 && instance % 20 === 0;
          const { current } = state.chains;
          state.chains.extend(instance, out ? current : state.config.values.checksum(entry.value, current));`,
      },
    ],
  },
  {
    name: 'a timer set again without a reason',
    seed: 1,
    edits: [
      {
        file: LEARNER,
        find: 'if (this.session || this.isBehind()) this.awaitProgress();',
        put: 'this.awaitProgress();',
      },
    ],
  },
]
