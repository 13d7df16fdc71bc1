/**
 * What the group does: `running`; `retrying` after a state machine threw: votes go on, nothing executes, callers are
 * refused, and after a back-off the whole group is rebuilt from its log; `silent`: it takes no step and casts no vote,
 * because its store failed or because it broke an invariant.
 */
export type GroupPhase = 'running' | 'retrying' | 'silent' | 'stopped'
