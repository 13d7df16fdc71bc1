import type { PlantedBug } from './planted-bug.js'

const ACCEPTOR = 'core/acceptor.js'
const PROPOSER = 'core/proposer.js'
const LEARNER = 'core/learner.js'

/** Votes, ballots, learning, execution and reads. */
export const PROTOCOL_BUGS: readonly PlantedBug[] = [
  {
    name: 'PROMISE before the commit',
    seed: 1,
    edits: [
      {
        file: ACCEPTOR,
        find: 'this.pendingPromises.push({ to: from, ballot, from: firstWanted });',
        put: 'this.sendPromise({ to: from, ballot, from: firstWanted });',
      },
    ],
  },
  {
    name: 'ACCEPTED before the commit',
    seed: 1,
    edits: [
      {
        file: ACCEPTOR,
        find: 'this.pendingAccepted = Math.max(this.pendingAccepted, ballot);',
        put: 'this.pendingAccepted = ballot; this.onPersisted();',
      },
    ],
  },
  {
    name: 'own vote counted before the commit',
    seed: 1,
    edits: [
      {
        file: ACCEPTOR,
        find: 'this.pendingAccepted = Math.max(this.pendingAccepted, entry.ballot);',
        put: 'this.roles.proposer.onOwnAccepted(entry.ballot, entry.instance);',
      },
    ],
  },
  {
    name: 'PREPARE before the own promise is durable',
    seed: 1,
    edits: [
      {
        file: PROPOSER,
        find: 'this.roles.acceptor.raisePromise(ballot);',
        put: 'this.roles.acceptor.raisePromise(ballot); this.campaign.onOwnPromiseDurable(state);',
      },
    ],
  },
  {
    name: 'a ballot used again after a restart',
    seed: 2,
    edits: [
      { file: 'core/group-state.js', find: 'this.seen = head.promised;', put: 'this.seen = 0;' },
      { file: PROPOSER, find: 'nextBallot(Math.max(state.seen, state.promised)', put: 'nextBallot(state.seen' },
    ],
  },
  {
    name: 'the promise not raised on accept',
    seed: 1,
    edits: [{ file: ACCEPTOR, find: 'this.raisePromise(ballot); this.store({', put: 'this.store({' }],
  },
  {
    name: 'the promise lowered by learning (history B)',
    seed: 1,
    edits: [
      {
        file: LEARNER,
        find: 'this.choose(instance);',
        put: 'this.choose(instance); state.promised = Math.min(state.promised, 65536);',
      },
    ],
  },
  {
    name: 'an accept taken below the promise',
    seed: 2,
    edits: [
      {
        file: ACCEPTOR,
        find: `if (ballot < state.promised) {
          state.send(from, { kind: 'nack', ballot, promised: state.promised });
          return;
        }
        state.hearLeader(ballot);`,
        put: 'state.hearLeader(ballot);',
      },
    ],
  },
  {
    name: 'chosen by a minority',
    seed: 1,
    edits: [
      {
        file: 'core/pipeline.js',
        find: 'held[state.membership.majority - 1]',
        put: 'held[state.membership.majority - 2]',
      },
    ],
  },
  {
    name: 'votes of different ballots counted together',
    nodes: 5,
    seed: 18,
    edits: [
      {
        file: PROPOSER,
        find: 'if (this.pipeline?.ballot !== ballot || version !== state.membership.version || !state.isVotingPeer(from)) return; if (chosenUpTo',
        put: 'if (!this.pipeline) return; if (chosenUpTo',
      },
      {
        file: 'core/pipeline.js',
        find: "assert(upTo < this.next, 'no vote for an instance that was never proposed at this ballot');",
        put: 'upTo = Math.min(upTo, this.next - 1);',
      },
    ],
  },
  {
    name: 'a promise that comes twice counted twice',
    seed: 37,
    nodes: 5,
    edits: [
      {
        file: 'core/campaign.js',
        find: 'this.promises.set(from, promise.records)',
        put: 'this.promises.set(this.promises.has(from) ? from + 1000 : from, promise.records)',
      },
    ],
  },
  {
    name: 'recovery takes a value below the highest ballot',
    seed: 6,
    edits: [
      {
        file: 'core/recovery.js',
        find: '!known || record.ballot > known.ballot',
        put: '!known || record.ballot < known.ballot',
      },
    ],
  },
  {
    name: 'recovery leaves out the own records',
    seed: 2,
    edits: [{ file: 'core/campaign.js', find: 'yield* state.log.recordsFrom(state.chosenUpTo + 1);', put: '' }],
  },
  {
    name: 'CHOSEN believed for a record of another ballot',
    seed: 2,
    edits: [
      {
        file: LEARNER,
        find: 'state.log.get(state.chosenUpTo + 1)?.ballot === ballot',
        put: 'state.log.get(state.chosenUpTo + 1) !== undefined',
      },
    ],
  },
  {
    name: 'a ballot not given up after a higher promise (history A)',
    seed: 2,
    edits: [
      { file: ACCEPTOR, find: 'this.roles.proposer.onPromiseRaised(ballot);', put: '' },
      {
        file: ACCEPTOR,
        find: "assert(entry.ballot === this.state.promised, 'a leader accepts only at the ballot its own acceptor promised');",
        put: '',
      },
    ],
  },
  {
    name: 'the contiguity rule skipped',
    seed: 1,
    edits: [
      { file: ACCEPTOR, find: 'if (instance > held + 1) {', put: 'if (false) {' },
      { file: ACCEPTOR, find: 'if (instance === held + 1)', put: '' },
    ],
  },
  {
    name: 'BEHIND skipped',
    seed: 2,
    edits: [
      { file: ACCEPTOR, find: 'if (state.chosenUpTo >= firstWanted) {', put: 'if (false) {' },
      { file: ACCEPTOR, find: 'else if (state.chosenUpTo >= from) {', put: 'else if (false) {' },
    ],
  },
  {
    name: 'accepted records forgotten by a restart',
    seed: 2,
    edits: [{ file: 'core/log-window.js', find: 'for (const record of tail) this.put(record);', put: '' }],
  },
  {
    name: 'a learned record written before the step forward',
    seed: 1,
    edits: [
      { file: LEARNER, find: 'this.choose(instance);', put: 'state.persist(entry); this.choose(instance); continue;' },
    ],
  },
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
