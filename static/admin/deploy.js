// The Deploy page: no upload of a file that is refused anyway, and the answer to a download.

const LARGEST_ICON = 100 * 1024;

function refuseLargeIcons(input) {
  input.addEventListener("change", () => {
    const size = input.files[0]?.size ?? 0;
    const words = `The file has ${Math.ceil(size / 1024)} KB. Choose a PNG of at most ${LARGEST_ICON / 1024} KB.`;
    input.setCustomValidity(size > LARGEST_ICON ? words : "");
    input.reportValidity();
  });
}

// The answer is a file, so the page stays as it was: what it says about the last download is fetched anew.
function readAgain(form) {
  form.addEventListener("submit", () => setTimeout(() => location.reload(), 1_500));
}

document.querySelectorAll("form[data-download]").forEach(readAgain);
document.querySelectorAll("#icon-file").forEach(refuseLargeIcons);
