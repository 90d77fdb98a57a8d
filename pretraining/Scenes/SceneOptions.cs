namespace Cones.Pretraining.Scenes;

/// <summary>What scenes contain.</summary>
/// <param name="Side">The side of the picture in pixels.</param>
/// <param name="Hard">Noisy backgrounds, smaller and more objects, hidden ones, changed colours.</param>
/// <param name="EmojiPart">The part of the classes that are emoji, where there are any.</param>
/// <param name="CrowdPart">The part of the scenes that are crowds of touching instances of few classes.</param>
/// <param name="MicroscopyPart">The part of the scenes that look like a microscope's: cells, blobs and rods on a pale ground.</param>
/// <param name="SmearPart">The part of the scenes that look like stained smears.</param>
/// <param name="HeldOutPairs">Whether the pairs of colour and shape that training leaves out may occur (then nothing else does).</param>
sealed record SceneOptions(
    int Side = 128, bool Hard = false, double EmojiPart = 0.5, double CrowdPart = 0.1, double MicroscopyPart = 0.1, double SmearPart = 0, bool HeldOutPairs = false);
