// The page that a renewal ends with: tells the other pages of this browser how it ended, and goes away.

const outcome = document.documentElement.dataset.renewal;
new BroadcastChannel("sluicegate-renewal").postMessage(outcome);
if (outcome === "renewed" && window.top === window) window.close();
