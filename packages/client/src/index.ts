export { stepRoomView } from './room-view.ts'
export type { PageRead, RoomFrame, RoomViewEffect, RoomViewEvent } from './room-view-events.ts'
export { isDue, newRoomView, type RoomView, type RoomViewOptions } from './room-view-state.ts'
