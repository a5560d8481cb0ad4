export type {
  Member,
  Message,
  PublicRoom,
  Role,
  Room as RoomFacts,
  User,
  Visibility,
} from '@roomlog/protocol/wire'
export type { Api, Page } from './api.ts'
export { RoomlogClient } from './client.ts'
export type { ClientEvents } from './client-events.ts'
export type { ClientOptions, NewAccount } from './client-options.ts'
export type { ConnectionStatus } from './connection/connection-status.ts'
export type { Send, SendState } from './outbox/outbox-state.ts'
export type { KeptSend, OutboxStore } from './outbox/outbox-store.ts'
export type { Platform } from './platform/platform.ts'
export { Cell, until, type Value } from './platform/value.ts'
export type { Room } from './rooms/room.ts'
export type { RoomList } from './rooms/room-list.ts'
export { RoomlogError, type RoomlogErrorCode } from './session/errors.ts'
export {
  browserSessionStore,
  type KeptSession,
  memorySessionStore,
  type SessionStore,
} from './session/session-store.ts'
export { stepRoomView } from './timeline/room-view.ts'
export type { PageRead, RoomFrame, RoomViewEffect, RoomViewEvent } from './timeline/room-view-events.ts'
export { isDue, newRoomView, type RoomView, type RoomViewOptions } from './timeline/room-view-state.ts'
export type { Timeline } from './timeline/timeline.ts'
export type { TimelineEvents, TimelineSnapshot } from './timeline/timeline-snapshot.ts'
