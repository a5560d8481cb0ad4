import type { ResultLine } from './results.ts'

/** A build broken on purpose, as plain chats are. The checker must fail it by the right name, or its silence elsewhere means nothing. */
export interface Control {
  readonly title: string
  /** One of them has to be violated. */
  readonly invariants: readonly string[]
  /** The fault under which it shows, by engine. */
  readonly fault: Readonly<Record<'embedded' | 'full', string>>
  readonly patches: readonly Patch[]
  /** Run on the database once it is migrated. */
  readonly sql?: string
}

/** Replaces a piece of a source as it is loaded; a piece that is not there any more is an error. */
export interface Patch {
  /** Below the root. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export type ControlName =
  | 'no-dedupe'
  | 'ack-early'
  | 'history-first'
  | 'identity-cursor'
  | 'publish-inserted-only'
  | 'no-membership'

/** Whether a run failed as a run of this control has to. */
export function isCaught(control: ControlName, run: Pick<ResultLine, 'control' | 'violations'>): boolean {
  return run.control === control && CONTROLS[control].invariants.some((name) => name in run.violations)
}

export function isControl(name: string): name is ControlName {
  return Object.hasOwn(CONTROLS, name)
}

const STORE_SQL = 'services/persister/src/batch/store-sql.ts'
const STORE = 'services/persister/src/batch/store.ts'
const PUBLISH = 'services/persister/src/batch/publish.ts'
const SENDS = 'services/ws-edge/src/sends/sends.ts'
const ROOM_STATE = 'services/ws-edge/src/rooms/room-state.ts'
const ROOM_STREAM = 'services/ws-edge/src/rooms/room-stream.ts'
const ROOM_JOINS = 'services/ws-edge/src/rooms/room-joins.ts'
const ROOM_READS = 'services/ws-edge/src/rooms/room-reads.ts'

export const CONTROLS: Readonly<Record<ControlName, Control>> = {
  'no-dedupe': {
    title: 'no unique key, and nothing is looked up before it is stored',
    invariants: ['I2'],
    fault: { embedded: 'F5', full: 'F5' },
    patches: [
      {
        file: STORE_SQL,
        find: 'l.id IS NOT NULL AND e.id IS NULL AND row_number() OVER k = 1 AS is_new',
        replace: 'l.id IS NOT NULL AS is_new',
      },
      { file: STORE_SQL, find: 'COALESCE(n.e_id, n.id) AS id', replace: 'n.id AS id' },
      { file: STORE_SQL, find: 'COALESCE(n.e_seq, n.new_seq) AS seq', replace: 'n.new_seq AS seq' },
    ],
    sql: 'ALTER TABLE chat.messages DROP CONSTRAINT messages_room_id_sender_id_client_msg_id_key',
  },
  'ack-early': {
    title: 'acknowledged before the log has it',
    invariants: ['I1'],
    fault: { embedded: 'F13', full: 'F8' },
    patches: [
      {
        file: SENDS,
        find: "      await eventLog.append('created', traced(encodeCreated(event), sending), leftMs(deadlineMs))",
        replace:
          "      eventLog.append('created', traced(encodeCreated(event), sending), leftMs(deadlineMs)).catch(() => undefined)",
      },
    ],
  },
  'history-first': {
    title: 'a join reads the history, and what came meanwhile is not compared',
    invariants: ['I7', 'I8'],
    fault: { embedded: 'F1', full: 'F1' },
    patches: [
      {
        file: ROOM_JOINS,
        find: '    if (position > last) {',
        replace: '    if (position > last && false) {',
      },
      {
        file: ROOM_JOINS,
        find: '    if (position < last) {',
        replace: '    if (position < last && false) {',
      },
    ],
  },
  'identity-cursor': {
    title: 'seq from a sequence, given before the commit and without the lock of the room',
    invariants: ['I10'],
    fault: { embedded: 'F1', full: 'F1' },
    patches: [
      { file: STORE_SQL, find: '    ORDER BY r.id FOR NO KEY UPDATE`', replace: '    ORDER BY r.id`' },
      {
        file: STORE_SQL,
        find: 'j.last_seq + count(*) FILTER (WHERE j.is_new) OVER (PARTITION BY j.room_id ORDER BY j.ord) AS new_seq',
        replace: 'CASE WHEN j.is_new THEN chat.control_seq(j.room_id) END AS new_seq',
      },
      {
        file: STORE_SQL,
        find: 'UPDATE chat.rooms r SET last_seq = t.new_seq',
        replace: 'UPDATE chat.rooms r SET last_seq = GREATEST(r.last_seq, t.new_seq)',
      },
      {
        file: STORE,
        find: '  if (all.length === 0) return batches.map(() => [])\n',
        replace: `  if (all.length === 0) return batches.map(() => [])
  if (all.length > 1) {
    const alone = async ({ partition, candidates }) => {
      const batchOf = (one) => ({ partition, candidates: [one] })
      return (await Promise.all(candidates.map((one) => storeBatches(store, [batchOf(one)], freshId)))).flat(2)
    }
    return Promise.all(batches.map(alone))
  }
`,
      },
      {
        file: STORE,
        find: '    return trx.storeRows(roomIds, rowsOf(all, lastIds, freshId))\n',
        // As on a busy server: some commit later than others, and have their number by then.
        replace: `    const rows = await trx.storeRows(roomIds, rowsOf(all, lastIds, freshId))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
    return rows
`,
      },
    ],
    sql: `
      CREATE FUNCTION chat.control_room() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        EXECUTE format('CREATE SEQUENCE chat.%I', 'control_' || NEW.id);
        RETURN NEW;
      END $$;
      CREATE TRIGGER control_room AFTER INSERT ON chat.rooms FOR EACH ROW EXECUTE FUNCTION chat.control_room();
      CREATE FUNCTION chat.control_seq(room text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
        SELECT nextval(format('chat.%I', 'control_' || room)::regclass)
      $$`,
  },
  'publish-inserted-only': {
    title: 'a redelivered record publishes nothing, and the edge trusts the events',
    invariants: ['I13'],
    fault: { embedded: 'F5', full: 'F5' },
    patches: [
      {
        file: PUBLISH,
        find: "    case 'stored':\n    case 'redelivered':\n",
        replace: "    case 'redelivered':\n      return []\n    case 'stored':\n",
      },
      {
        file: ROOM_STREAM,
        find: '    if (this.last < this.#sweptHead)',
        replace: '    if (this.last < this.#sweptHead && false)',
      },
    ],
  },
  'no-membership': {
    title: 'fan-out without a look at the membership',
    invariants: ['I15'],
    fault: { embedded: 'F1', full: 'F1' },
    patches: [
      {
        file: ROOM_READS,
        find: 'm.user_id IS NOT NULL AS "isMember"',
        replace: 'r.id IS NOT NULL AS "isMember"',
      },
      {
        file: ROOM_READS,
        find: '          AND (q.user_id IS NULL OR m.user_id IS NOT NULL)\n',
        replace: '',
      },
      {
        file: ROOM_STATE,
        find: "    this.#audience.delete(sub)\n    this.#do({ type: 'evicted', sub })",
        replace: '    void sub',
      },
    ],
  },
}
