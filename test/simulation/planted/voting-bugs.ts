import type { PlantedBug } from './planted-bug.js'

const ACCEPTOR = 'core/acceptor.js'
const PROPOSER = 'core/proposer.js'
const LEARNER = 'core/learner.js'

/** Promises, votes, what is chosen, and how it is recovered and learned. */
export const VOTING_BUGS: readonly PlantedBug[] = [
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
]
