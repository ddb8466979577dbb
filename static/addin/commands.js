/** The function file: what ribbon commands without a pane run. */

(() => {
  const ANSWER_WITHIN = 5_000;

  /** Until a VMR can be added without a pane: say on the meeting where it is done. */
  function addRoom(event) {
    let over = false;
    const finish = () => {
      if (!over) event.completed();
      over = true;
    };
    setTimeout(finish, ANSWER_WITHIN);
    try {
      const message = { type: "errorMessage", message: document.documentElement.dataset.notice };
      Office.context.mailbox.item.notificationMessages.addAsync("addin-host", message, finish);
    } catch {
      finish();
    }
  }

  globalThis.addRoom = addRoom;
  Office.onReady(() => Office.actions?.associate?.("addRoom", addRoom));
})();
