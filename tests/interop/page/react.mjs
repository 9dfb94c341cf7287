// What mediamtx-webrtc-react imports of React; its reader needs none of it.
const none = () => undefined;
export { none as jsx, none as jsxs, none as useCallback, none as useEffect, none as useRef, none as useState };
export default {};
